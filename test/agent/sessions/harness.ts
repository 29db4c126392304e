/** A node's request door on a bus in memory, with a fake runtime behind it and a client before it. */
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { FakeRuntime } from '../../../agent/runtime/fake-runtime.ts'
import type { ContainerConfig, ExecRequest, ExecSession, SandboxConfig } from '../../../agent/runtime/runtime.ts'
import { NodeRequests } from '../../../agent/sessions/node-requests.ts'
import { maxPacketBytes, streamChunkBytes, streamWindowBytes } from '../../../contract/wire/limits.ts'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import { MemoryBroker, type MemoryBus } from '../../../kit/bus/memory-bus.ts'
import { Requester } from '../../../kit/bus/request.ts'
import { type FrameStream, openStream, readBytesFrame } from '../../../kit/bus/stream.ts'
import { type Clock, systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'

const topics = topicsOf('home')
export const target = { namespace: 'default', name: 'web', uid: 'uid-web' }

/** Notes what is done with its sessions. */
export class ExecRuntime extends FakeRuntime {
  readonly sizes: Array<[number, number]> = []
  started = 0
  closed = 0

  override async exec(containerId: string, request: ExecRequest): Promise<ExecSession> {
    const session = await super.exec(containerId, request)
    this.started++
    const once = { closed: false }
    return {
      ...session,
      resize: (columns, rows) => void this.sizes.push([columns, rows]),
      close: () => {
        if (!once.closed) this.closed++
        once.closed = true
        session.close()
      },
    }
  }
}

export interface Scene {
  runtime: ExecRuntime
  client: MemoryBus
  counts: { reportsWanted: number }
  bad: BadMessages
  /** A running container of the pod; its log may be written by `log`. */
  start(attempt?: number, name?: string): Promise<string>
  log(attempt: number, ...lines: string[]): Promise<void>
  ask(body: unknown, stream?: string): Promise<unknown>
  /** Opens a stream, asks with it, and gives it when the node has said yes. */
  open(body: unknown): Promise<FrameStream>
  stop(): Promise<void>
}

export async function setScene(t: ExecutionContext, clock: Clock = systemClock): Promise<Scene> {
  const directory = await mkdtemp(join(tmpdir(), 'fx-'))
  const broker = new MemoryBroker()
  const [client, node] = [broker.connect('master'), broker.connect('node')]
  const runtime = new ExecRuntime({ clock, images: ['web:1'] })
  const [counts, bad] = [{ reportsWanted: 0, streams: 0 }, new BadMessages(silentLog)]
  const requests = new NodeRequests({
    ...{ bus: node, topics, nodeName: 'board-1', runtime, clock, log: silentLog, badMessages: bad },
    onReportWanted: () => void counts.reportsWanted++,
  })
  const repliesTopic = topics.nodeReplies('board-1')
  const requester = new Requester({ bus: client, repliesTopic, clock, random: seededRandom(1) })
  await requests.start()
  await requester.start()
  t.teardown(async () => {
    await requests.stop()
    await requester.stop()
    // Ends the streams' own timers.
    await Promise.all([client.close(), node.close()])
    await rm(directory, { recursive: true, force: true })
  })
  const sandbox = sandboxIn(directory)
  const ask: Scene['ask'] = (body, stream) =>
    requester.request(topics.nodeRequests('board-1'), body, { timeoutMs: 60_000, ...(stream ? { stream } : {}) })
  return {
    ...{ runtime, client, counts, bad, ask },
    start: (attempt = 0, name = 'main') => startContainer(runtime, sandbox, { attempt, name }),
    async log(attempt, ...lines) {
      const path = join(sandbox.logDirectory, `main/${attempt}.log`)
      await mkdir(dirname(path), { recursive: true })
      await appendFile(path, lines.map(line => `${new Date(clock.now()).toISOString()} stdout F ${line}\n`).join(''))
    },
    async open(body) {
      const id = `s${counts.streams++}`
      const prefix = topics.nodeStream('board-1', id)
      const limits = { windowBytes: streamWindowBytes, chunkBytes: streamChunkBytes, maxFrameBytes: maxPacketBytes }
      const stream = await openStream({ bus: client, prefix, side: 'opener', clock, ...limits })
      t.deepEqual(await ask(body, id), { stream: true })
      return stream
    },
    stop: () => requests.stop(),
  }
}

/** All that comes until the end: the bytes by channel, and the other frames. */
export async function readAll(stream: FrameStream): Promise<{ stdout: string; stderr: string; frames: unknown[] }> {
  const seen = { stdout: '', stderr: '', frames: [] as unknown[] }
  for await (const frame of stream.frames) {
    const bytes = readBytesFrame(frame)
    if (bytes?.channel === 'stdout' || bytes?.channel === 'stderr') seen[bytes.channel] += String(bytes.data)
    else seen.frames.push(frame)
  }
  return seen
}

function sandboxIn(directory: string): SandboxConfig {
  return {
    ...{ ...target, attempt: 0, hostname: 'web', hostNetwork: false, cgroupParent: '/x', labels: {}, annotations: {} },
    logDirectory: join(directory, 'logs'),
  }
}

async function startContainer(
  runtime: FakeRuntime,
  sandbox: SandboxConfig,
  { attempt, name }: { attempt: number; name: string },
): Promise<string> {
  const [known] = await runtime.listPods()
  const sandboxId = known?.sandboxId ?? (await runtime.runSandbox(sandbox))
  const config: ContainerConfig = {
    ...{ name, attempt, image: 'web:1', command: [], args: [], env: [], mounts: [], labels: {}, annotations: {} },
    ...{ logPath: `${name}/${attempt}.log`, stdin: false, stdinOnce: false, tty: false, resources: {} },
  }
  const id = await runtime.createContainer(sandboxId, config, sandbox)
  await runtime.startContainer(id)
  return id
}
