/** `flotilla join`: makes this board a node of the cluster whose join line it is given. */
import { access, constants, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { onBoard } from '../contract/card/card-places.ts'
import { checkNodeName } from '../contract/wire/identity.ts'
import type { JoinTicket } from '../contract/wire/join.ts'
import { type Clock, systemClock } from '../kit/clock.ts'
import { type Command, type Input, usageExitStatus } from '../kit/command-line.ts'
import { CodedError, hasCode, messageOf } from '../kit/errors.ts'
import { createLog } from '../kit/log.ts'
import { type Random, systemRandom } from '../kit/random.ts'
import { askYes } from './ask.ts'
import type { Disk } from './board/disk.ts'
import type { BoardView } from './board/doctor/board-view.ts'
import { type FindMasters, findMastersOnLan } from './identity/find-masters.ts'
import { hasJoinedBy, joinCluster } from './identity/join.ts'
import { type LineInput, readTicket } from './join-input.ts'

/** Nobody answers: trying again later may help. All other failures end with 1, and a wrong use with 2. */
export const unreachableExitStatus = 3

export interface JoinTerminal {
  stdin: LineInput
  stdout: { write(text: string): unknown; isTTY?: boolean }
  stderr: { write(text: string): unknown }
  clock: Clock
  random: Random
  /** What is checked before joining, and mended. Absent: nothing. */
  board?: { view: BoardView; disk: Disk }
  /** Where to ask for a master that is not at the line's addresses. Absent: nowhere. */
  findMasters?: FindMasters
}

export const joinOptions = {
  name: { flags: '--name <node>', summary: `name of this node (default: the host name)` },
  data: { flags: '--data <dir>', summary: 'where the agent keeps what it knows', default: onBoard.data },
}

export function joinCommandAt(terminal: JoinTerminal): Command {
  return {
    name: 'join',
    summary: 'Make this board a node, by the line that "flotilla token create" printed',
    arguments: '[file]',
    options: [
      joinOptions.name,
      joinOptions.data,
      { flags: '--prepare', summary: "first apply what this board's profile asks for, as flotilla doctor --fix does" },
      { flags: '--skip-checks', summary: 'join even if no node can live here yet' },
      { flags: '--force', summary: 'with a new line: take the place of the identity that the board has' },
    ],
    examples: [
      '$ flotilla join                            asks for the line, and does not show it',
      '$ flotilla join /boot/firmware/join.txt    from a file, which is deleted once the board has joined',
      '$ ssh admin@pi flotilla token create | sudo flotilla join',
      '$ flotilla join --name kitchen --force     a new identity, such as after it was revoked',
      '  Exit status: 0 joined; 1 refused; 2 wrong use; 3 nobody answers, try again later.',
    ],
    run: input => join(input, terminal),
  }
}

export const joinCommand: Command = {
  ...joinCommandAt(systemTerminal()),
  // What looks at boards is loaded when somebody joins.
  run: async input => join(input, { ...systemTerminal(), board: await systemBoard() }),
}

function systemTerminal(): JoinTerminal {
  const { stdin, stdout, stderr } = process
  return { stdin, stdout, stderr, clock: systemClock, random: systemRandom, findMasters: findMastersOnLan(systemClock) }
}

async function systemBoard(): Promise<NonNullable<JoinTerminal['board']>> {
  const { systemView } = await import('./board/doctor/board-view.ts')
  const { systemDisk } = await import('./board/disk.ts')
  return { view: systemView(systemClock), disk: systemDisk() }
}

/** The host's name up to its first dot, when it may be a node's. Throws `Invalid` with the way out. */
export function nodeNameOf(given: unknown): string {
  const name = typeof given === 'string' ? given : (hostname().toLowerCase().split('.')[0] ?? '')
  const problem = checkNodeName(name)
  if (problem === undefined) return name
  throw new CodedError('Invalid', `cannot join as "${name}": because a node's name ${problem}. Choose one with --name`)
}

async function join({ arguments: [file], options }: Input, terminal: JoinTerminal): Promise<number> {
  const { stdin, stdout, stderr, clock, random, findMasters } = terminal
  const say = (line: string): unknown => stdout.write(`${line}\n`)
  const nodeName = nodeNameOf(options['name'])
  const dataDirectory = String(options['data'])
  try {
    const read = (): Promise<JoinTicket> => readTicket({ file, input: stdin, ask: text => stderr.write(text) })
    await refuseUnwritable(dataDirectory)
    // What is no line is told at once. A person is asked for one when nothing else is left to ask.
    const given = file === undefined && stdin.isTTY ? undefined : await read()
    const isAgain = given !== undefined && (await hasJoinedBy({ ticket: given, nodeName, dataDirectory }))
    const wantsChecks = options['skipChecks'] !== true && !isAgain
    if (wantsChecks && !(await isFit(terminal, options['prepare'] === true))) return 1
    const ticket = given ?? (await read())
    const outcome = await joinCluster({
      ...{ ticket, nodeName, clock, random, force: options['force'] === true },
      ...(findMasters && { findMasters }),
      dataDirectory,
      log: createLog({ clock, write: line => stderr.write(line) }),
      onProgress: say,
    })
    if (outcome === 'already') say(`this board is node ${nodeName} of cluster ${ticket.cluster} already`)
    if (file !== undefined && file !== '-') await removeLine(file, terminal)
    // Not for an agent that joins: it goes on by itself.
    if (outcome === 'joined' && stdout.isTTY) say(whatIsNext(dataDirectory, options['force'] === true))
    return 0
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    stderr.write(`flotilla: ${error.message}${hintAbout(error, options['force'] === true)}\n`)
    if (hasCode(error, 'ServiceUnavailable', 'Timeout')) return unreachableExitStatus
    return hasCode(error, 'BadRequest') ? usageExitStatus : 1
  }
}

/** The package's flotilla-agent.path sees the usual directory alone, and an agent that runs keeps the identity that it has read. */
function whatIsNext(dataDirectory: string, isForced: boolean): string {
  if (dataDirectory !== onBoard.data) return `start the agent: flotilla agent --data ${dataDirectory}`
  return isForced
    ? 'start the agent anew: systemctl restart flotilla-agent (without the package: flotilla agent)'
    : 'the agent starts by itself (without the package: flotilla agent)'
}

/** Before anybody is asked for the line. Throws `Forbidden` with the way out. */
async function refuseUnwritable(directory: string): Promise<void> {
  try {
    await access(directory, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && dirname(directory) !== directory) return refuseUnwritable(dirname(directory))
    // All else is found out by writing.
    if (code === 'EACCES')
      throw new CodedError(
        'Forbidden',
        `cannot join: because you may not write to ${directory}. Use sudo flotilla join`,
      )
  }
}

/** False when no node could live here, which was told. */
async function isFit({ board, stdin, stdout, stderr }: JoinTerminal, prepare: boolean): Promise<boolean> {
  if (!board) return true
  const { prepareBoard } = await import('./prepare-board.ts')
  const isWatched = stdout.isTTY === true && stdin.isTTY === true
  const ask = isWatched ? (question: string) => askYes(question, { stdin, stderr }) : undefined
  return prepareBoard({ ...board, prepare, ask, say: line => stderr.write(`${line}\n`) })
}

/** The token in it is used up, but it names the cluster; and one that has uses left lets in whoever finds the card. */
async function removeLine(file: string, { stdout, stderr }: JoinTerminal): Promise<void> {
  try {
    await rm(file)
    stdout.write(`deleted ${file}: nobody else joins by it\n`)
  } catch (error) {
    stderr.write(
      `flotilla: cannot delete ${file}: because ${messageOf(error)}: delete it yourself, others could join by it\n`,
    )
  }
}

function hintAbout(error: CodedError, isForced: boolean): string {
  // The master cannot know that the living board of that name is this one.
  return isForced && hasCode(error, 'AlreadyExists')
    ? '. Is it the agent of this very board? Stop it first: systemctl stop flotilla-agent'
    : ''
}
