/** The fleet's commands against a master in this process, over a bus without sockets; what they print is caught. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { ExecutionContext } from 'ava'
import { createFleetCommands } from '../../cli/cli.ts'
import { createCompleteCommand } from '../../cli/manual/complete-command.ts'
import type { Stdin, Terminal, TerminalSize } from '../../cli/terminal.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { ClientContext } from '../../contract/wire/client-config.ts'
import type { NodeRequest } from '../../contract/wire/node-request.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import { MemoryBroker } from '../../kit/bus/memory-bus.ts'
import { type RequestContext, serveRequests } from '../../kit/bus/serve-requests.ts'
import { type FrameStream, openStream } from '../../kit/bus/stream.ts'
import { systemClock } from '../../kit/clock.ts'
import { type Command, runCommandLine } from '../../kit/command-line.ts'
import { silentLog } from '../../kit/log.ts'
import { systemRandom } from '../../kit/random.ts'
import { openDoor, topics } from '../master/api/door.ts'
import { createHarness, type Harness, target } from '../master/api/harness.ts'

export interface FleetHarness extends Harness {
  /** Runs one command line to its end. */
  run(...argv: string[]): Promise<Ran>
  /** Starts one that does not end by itself. */
  start(...argv: string[]): Running
  /** Writes a manifest; resolves to its path. */
  file(name: string, text: string): Promise<string>
  folder: string
  broker: TestBroker
  /** An agent that answers logs and exec of its pods. */
  serveNode(node: string, answer: (request: NodeRequest, stream: FrameStream) => Promise<void>): Promise<void>
  /** A pod that runs on `node`, with one container. */
  runningPod(name: string, node: string, labels?: Record<string, string>): Promise<AnyObject>
}

/** One in this process, or one that other processes reach as well. */
export interface TestBroker {
  connect(clientId: string): Bus
}

export interface Ran {
  status: number
  stdout: string
  stderr: string
}

export interface Running {
  terminal: FakeTerminal
  done: Promise<Ran>
  /** Resolves once stdout has this. */
  shows(text: string | RegExp): Promise<void>
  /** The same of stderr, where questions are. */
  warns(text: string | RegExp): Promise<void>
  /** Ends it as a closed pipe does. */
  hangUp(): void
}

export interface FakeTerminal extends Terminal {
  stdin: Stdin & PassThrough
  raw: boolean[]
  resize(size: TerminalSize): void
}

const sizes = { windowBytes: 256 * 1024, chunkBytes: 32 * 1024, maxFrameBytes: 2 ** 21 }

export interface FleetOptions {
  size?: TerminalSize
  broker?: TestBroker
}

export async function createFleet(t: ExecutionContext, options: FleetOptions = {}): Promise<FleetHarness> {
  const harness = await createHarness(t)
  const { broker = new MemoryBroker() } = options
  const bus = broker.connect('master')
  await openDoor(t, { api: harness.api, bus })
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-cli-'))
  await writeContexts(folder, [{ name: 'home', cluster: 'home', server: 'mqtts://test', username: 'test' }])
  t.teardown(async () => {
    await rm(folder, { recursive: true })
  })
  const start = (...argv: string[]): Running => startCommand(broker, folder, { argv, size: options.size })
  return {
    ...harness,
    broker,
    folder,
    start,
    run: (...argv) => start(...argv).done,
    async file(name, text) {
      await writeFile(join(folder, name), text)
      return join(folder, name)
    },
    serveNode: (node, answer) => serveNode(t, { broker, node, answer }),
    async runningPod(name, node, labels = { app: 'web' }) {
      const spec = { nodeName: node, containers: [{ name: 'web', image: 'web:1' }] }
      const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec }
      const created = await harness.create(object)
      const running = { name: 'web', image: 'web:1', imageID: '', ready: true, restartCount: 0 }
      const containerStatuses = [{ ...running, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }]
      const status = { phase: 'Running', podIP: '10.244.1.5', containerStatuses }
      const at = target('pods', name)
      const next = { ...created.object, status }
      return (await harness.write({ verb: 'update', subresource: 'status', target: at, object: next })).object
    },
  }
}

/** The configuration of somebody whose home this is; resolves to its path. */
export async function writeContexts(home: string, contexts: ClientContext[]): Promise<string> {
  const path = join(home, '.config', 'flotilla', 'config.yaml')
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, JSON.stringify({ contexts }), { mode: 0o600 })
  return path
}

function startCommand(
  broker: TestBroker,
  homeDirectory: string,
  { argv, size }: { argv: string[]; size: TerminalSize | undefined },
): Running {
  const shown = { stdout: '', stderr: '' }
  const hangUp = new AbortController()
  const resizes = new Set<() => void>()
  let current = size
  const raw: boolean[] = []
  const stdin = Object.assign(new PassThrough(), {
    isTTY: size !== undefined,
  })
  const terminal: FakeTerminal = {
    print: text => {
      shown.stdout += text
    },
    warn: text => {
      shown.stderr += text
    },
    write: async (channel, data) => {
      shown[channel] += Buffer.from(data).toString()
    },
    size: () => current,
    onResize: handler => {
      resizes.add(handler)
      return () => resizes.delete(handler)
    },
    resize: next => {
      current = next
      for (const handler of resizes) handler()
    },
    raw,
    stdin,
    setRaw: on => raw.push(on),
    hungUp: hangUp.signal,
    catchSignals: () => () => undefined,
    env: {},
    homeDirectory,
    clock: systemClock,
    random: systemRandom,
  }
  const openBus = async (_context: unknown, clientId: string) => broker.connect(clientId)
  const commands = createFleetCommands({ terminal, openBus })
  const root: Command = { name: 'flotilla', summary: '', commands }
  commands.push(createCompleteCommand(async () => root, { terminal, openBus }))
  const streams = { stdout: { write: terminal.print }, stderr: { write: terminal.warn } }
  const done = runCommandLine(root, argv, streams).then(status => ({ status, ...shown }))
  return {
    terminal,
    done,
    shows: text => untilShown(() => shown.stdout, text, done),
    warns: text => untilShown(() => shown.stderr, text, done),
    hangUp: () => hangUp.abort(),
  }
}

/** Fails when the command ends, or after a minute: on a busy machine it takes its time. */
async function untilShown(shown: () => string, text: string | RegExp, done: Promise<Ran>): Promise<void> {
  let ended = false
  void done.then(
    () => {
      ended = true
    },
    () => {
      ended = true
    },
  )
  const has = (): boolean => (typeof text === 'string' ? shown().includes(text) : text.test(shown()))
  for (const deadline = Date.now() + 60_000; !has(); ) {
    if (ended || Date.now() > deadline)
      throw new Error(`never showed ${text}: ${JSON.stringify(shown())}${ended ? ' (it has ended)' : ''}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

async function serveNode(
  t: ExecutionContext,
  {
    broker,
    node,
    answer,
  }: { broker: TestBroker; node: string; answer: (request: NodeRequest, stream: FrameStream) => Promise<void> },
): Promise<void> {
  const bus = broker.connect(node)
  t.teardown(() => bus.close())
  const handle = async (body: unknown, { stream: prefix = '' }: RequestContext): Promise<unknown> => {
    const stream = await openStream({ bus, prefix, side: 'server', clock: systemClock, ...sizes })
    void answer(body as NodeRequest, stream).then(
      () => stream.end(),
      error => stream.end(error),
    )
    return { stream: true }
  }
  await serveRequests({
    bus,
    topic: topics.nodeRequests(node),
    clock: systemClock,
    log: silentLog,
    maxInFlight: 16,
    askerOf: () => ({ replies: topics.nodeReplies(node), stream: id => topics.nodeStream(node, id) }),
    handle,
  })
}
