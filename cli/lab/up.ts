/** `lab up`: makes a lab, or mends one, and returns when all its nodes are Ready. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isQuantity } from '../../contract/resources/quantity.ts'
import { type Clock, sleep } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { writeClientConfig } from './client-config.ts'
import { checkMachine } from './facts.ts'
import { ensureJoinLine } from './join-line.ts'
import { boardsOf, labLayout, type Machine, masterOf, maxBoards } from './layout.ts'
import { importArchive } from './load.ts'
import { ensureRelays, type MirrorPlan, planMirror } from './mirror.ts'
import { ensureLan, setLink } from './network.ts'
import { powerOn } from './power.ts'
import { findImages } from './program.ts'
import { tryRun } from './run.ts'
import { claimDir, type Lab, type LabState, readState, writeState } from './state.ts'
import { tailOf } from './tail.ts'

export interface UpOptions {
  dir: string
  program: string[]
  boards?: number
  mirror?: string
  broker?: 'embedded' | 'mosquitto'
  cpu?: string
  memory?: string
  clock: Clock
  /** Takes a line of progress. */
  say: (line: string) => void
}

const defaultBoards = 3
const readyDeadlineMs = 60_000
const askTimeoutMs = 2000

/** Resolves to the path of the configuration for the CLI. */
export async function bringUp(options: UpOptions): Promise<string> {
  const { say, clock } = options
  const mirror = options.mirror === undefined ? undefined : planMirror(options.mirror)
  checkOptions(options)
  for (const warning of await checkMachine(options.broker === 'mosquitto' ? ['mosquitto'] : []))
    say(`warning: ${warning}`)
  const lab = await prepare(options, mirror)
  const { layout, state } = lab
  if (await ensureLan(layout)) say('LAN 10.77.0.0/24 is up')
  await ensureRelays(lab, mirror !== undefined, clock)
  if (await powerOn(lab, masterOf(layout), clock)) say('master is on, without root and with TLS')
  await writeClientConfig(layout, clock)
  if (state.broker) await untilAnswered(lab, clock)
  const boards = boardsOf(layout, state.boards)
  const unpackDir = join(layout.dir, 'images')
  const images = await findImages(state.program, unpackDir)
  if (images.length === 0) say('warning: no images beside the program: without a pause image no pod can start')
  try {
    await Promise.all(boards.map(board => startBoard(lab, board, { images, clock, say })))
  } finally {
    await rm(unpackDir, { recursive: true, force: true })
  }
  const welcome = await withoutRevoked(lab, boards, say)
  say('waiting until all nodes are Ready')
  await waitForNodes(lab, welcome, clock)
  say(`${welcome.length} nodes are Ready`)
  return layout.configFile
}

function checkOptions({ boards = defaultBoards, cpu, memory }: UpOptions): void {
  if (!Number.isInteger(boards) || boards < 1 || boards > maxBoards)
    throw new CodedError('BadRequest', `cannot start a lab: because --boards must be 1 to ${maxBoards}`)
  for (const [flag, text] of Object.entries({ cpu, memory }))
    if (text !== undefined && !isQuantity(text))
      throw new CodedError(
        'BadRequest',
        `cannot start a lab: because --${flag} "${text}" is not a quantity such as 500m or 512Mi`,
      )
}

/** Writes down what was asked for; a lab that is there keeps what is not asked for anew. */
async function prepare(options: UpOptions, mirror: MirrorPlan | undefined): Promise<Lab> {
  const { say, dir, program, cpu, memory } = options
  const layout = labLayout(dir)
  const before = await readState(layout)
  if (before) say(`a lab is in ${layout.dir} already: starting what is down`)
  if (before && options.broker !== undefined && options.broker !== (before.broker ?? 'embedded')) {
    const why = `it runs with ${before.broker ?? 'the embedded one'}: 'flotilla lab down' first`
    throw new CodedError('Conflict', `cannot change the broker of the lab in ${layout.dir}: because ${why}`)
  }
  if (before && (options.boards ?? before.boards) < before.boards)
    say(`it keeps its ${before.boards} boards: 'flotilla lab down' and up again makes it smaller`)
  const state: LabState = {
    ...(before ?? { madeDir: await claimDir(layout) }),
    boards: Math.max(before?.boards ?? 0, options.boards ?? before?.boards ?? defaultBoards),
    program,
    ...(options.broker === 'mosquitto' && { broker: options.broker }),
    ...(mirror && { mirror: mirror.url }),
    ...(mirror?.relay && { relay: mirror.relay }),
    ...(cpu !== undefined && { cpu }),
    ...(memory !== undefined && { memory }),
  }
  await writeState({ layout, state })
  return { layout, state }
}

interface BoardStart {
  images: string[]
  clock: Clock
  say: (line: string) => void
}

async function startBoard(lab: Lab, board: Machine, { images, clock, say }: BoardStart): Promise<void> {
  if (existsSync(board.cutFile)) {
    await setLink(lab.layout, board, 'up')
    say(`${board.name} is plugged in again`)
  }
  if (await ensureJoinLine(lab, board)) say(`${board.name} has a join line`)
  if (!(await powerOn(lab, board, clock))) return
  for (const archive of images) await importArchive(board, archive)
  say(`${board.name} is on at ${board.address}`)
}

/** Whom somebody has cut off for good is not waited for. */
async function withoutRevoked({ layout, state }: Lab, boards: Machine[], say: UpOptions['say']): Promise<Machine[]> {
  const { status, stdout } = await tryRun([...state.program, 'get', 'nodeidentities', '-o', 'json'], {
    env: { FLOTILLA_CONFIG: layout.configFile },
    timeoutMs: readyDeadlineMs,
  })
  const revoked = status === 0 ? revokedNodes(stdout) : []
  return boards.filter(({ name }) => {
    if (!revoked.includes(name)) return true
    const way = `flotilla token create --node ${name} | flotilla lab exec ${name} -- flotilla join --force --skip-checks`
    say(`${name} was revoked, and stays out until: ${way}`)
    return false
  })
}

async function waitForNodes({ layout, state }: Lab, boards: Machine[], clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + readyDeadlineMs
  for (;;) {
    const { status, stdout, stderr } = await tryRun([...state.program, 'get', 'nodes', '-o', 'json'], {
      env: { FLOTILLA_CONFIG: layout.configFile },
      timeoutMs: readyDeadlineMs,
    })
    const missing = status === 0 ? boards.filter(({ name }) => !readyNodes(stdout).includes(name)) : boards
    if (missing.length === 0) return
    if (clock.monotonic() > deadline) {
      const names = missing.map(({ name }) => name).join(', ')
      const tails = await Promise.all([masterOf(layout), ...missing].map(tailOf))
      const why = status === 0 ? '' : `: ${stderr.trim()}`
      const message = `cannot finish the lab: because ${names} did not become Ready in ${readyDeadlineMs} ms${why}`
      throw new CodedError('Timeout', `${message}\n${tails.join('\n')}`)
    }
    await sleep(clock, 300)
  }
}

/** A broker of its own may be there before the master is: a request that nobody takes is lost, and waits for nothing. */
async function untilAnswered({ layout, state }: Lab, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + readyDeadlineMs
  for (;;) {
    const asking = tryRun([...state.program, 'get', 'nodes', '-o', 'json'], {
      env: { FLOTILLA_CONFIG: layout.configFile },
      timeoutMs: askTimeoutMs,
    })
    const { status, stderr } = await asking.catch(error => ({ status: 1, stderr: messageOf(error) }))
    if (status === 0) return
    if (clock.monotonic() > deadline) {
      const why = `its master does not answer: ${stderr.trim()}\n${await tailOf(masterOf(layout))}`
      throw new CodedError('Timeout', `cannot start the lab: because ${why}`)
    }
    await sleep(clock, 300)
  }
}

interface NodeList {
  items?: Array<{ metadata?: { name?: string }; status?: { conditions?: Array<{ type: string; status: string }> } }>
}

interface IdentityList {
  items?: Array<{ metadata?: { name?: string }; spec?: { revoked?: boolean } }>
}

/** Names of the nodes that were revoked, in the output of `get nodeidentities -o json`. */
export function revokedNodes(json: string): string[] {
  const { items = [] } = JSON.parse(json) as IdentityList
  return items.filter(({ spec }) => spec?.revoked).flatMap(({ metadata }) => metadata?.name ?? [])
}

/** Names of the nodes whose condition Ready is True, in the output of `get nodes -o json`. */
export function readyNodes(json: string): string[] {
  const { items = [] } = JSON.parse(json) as NodeList
  return items
    .filter(({ status }) => status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
    .flatMap(({ metadata }) => metadata?.name ?? [])
}
