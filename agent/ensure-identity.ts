/** The identity that the agent runs with: the one that the board has, or one that it joins for first. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, rm } from 'node:fs/promises'
import { type BackoffOptions, backoffMs } from '../kit/backoff.ts'
import { type Clock, sleep } from '../kit/clock.ts'
import { CodedError, messageOf } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { ownCommand } from '../kit/self.ts'
import { type AgentIdentity, loadIdentity } from './identity/identity.ts'
import { attemptOf } from './identity/join.ts'
import { nodeNameOf, unreachableExitStatus } from './join-command.ts'
import { readTicketFile } from './join-input.ts'

export interface EnsureIdentityParts {
  dataDirectory: string
  /** A file with a join line. */
  joinFile: string | undefined
  /** As given: for joining alone. */
  name: string | undefined
  clock: Clock
  log: Log
  /** Ends the waiting, with its reason. */
  signal: AbortSignal
  /** Runs `flotilla join` with these arguments, and resolves to its exit status. */
  runJoin?: (args: string[], signal: AbortSignal) => Promise<number>
}

/** The master or its network may come up a little after the board. */
const unreachableMs: BackoffOptions = { minMs: 2000, maxMs: 60_000, jitter: 0.5 }
/** What was refused will be refused again, until a person does something. */
const refusedMs: BackoffOptions = { minMs: 60_000, maxMs: 5 * 60_000, jitter: 0.5 }
/** Between two looks for a join line that is not there. */
const lineMissingMs = 5000

/** Rejects when there is none and none can be had: without a join line, or at the signal. */
export async function ensureIdentity(parts: EnsureIdentityParts): Promise<AgentIdentity> {
  const { dataDirectory, joinFile, clock, log, signal } = parts
  const joined = await loadIdentity({ dataDirectory, clock, log })
  if (joined) {
    if (joinFile !== undefined) await removeUsedLine(joinFile, joined, log)
    return joined
  }
  if (joinFile === undefined) {
    const way = 'run "flotilla token create" where the master is, and "flotilla join" here'
    throw new CodedError('NotFound', `cannot start the agent: because this board belongs to no cluster yet: ${way}`)
  }
  const state = { attempts: 0, hasAsked: false }
  for (;;) {
    const retryMs = (await isThere(joinFile))
      ? await joinByChild(joinFile, state, parts)
      : askForLine(joinFile, state, log)
    // A person may have run `flotilla join` meanwhile.
    const identity = await loadIdentity({ dataDirectory, clock, log })
    if (identity) return identity
    await sleep(clock, retryMs, signal)
  }
}

interface Joining {
  attempts: number
  hasAsked: boolean
}

/**
 * In a process of its own: making a signing request loads some 8 MB that an agent would keep for as long as it runs. Resolves to
 * how long to wait before the next try, if there must be one.
 */
async function joinByChild(joinFile: string, state: Joining, parts: EnsureIdentityParts): Promise<number> {
  const { dataDirectory, name, log, signal, runJoin = runJoinCommand } = parts
  // Somebody wants an agent here: a node that lacks something says so, and lives as well as it can.
  const args = [joinFile, '--data', dataDirectory, '--name', nodeNameOf(name), '--skip-checks']
  const status = await runJoin(args, signal)
  if (status === 0) return unreachableMs.minMs
  const isAway = status === unreachableExitStatus
  const retryMs = backoffMs(state.attempts++, isAway ? unreachableMs : refusedMs)
  const write = isAway ? log.info : log.error
  write('this board has not joined its cluster yet', {
    reason: isAway ? 'nobody answers as its master' : 'it was refused: see above',
    retryMs: Math.round(retryMs),
  })
  return retryMs
}

function askForLine(joinFile: string, state: Joining, log: Log): number {
  if (!state.hasAsked)
    log.warn('this board belongs to no cluster yet', {
      remedy: `run "flotilla join", or put a join line into ${joinFile}`,
    })
  state.hasAsked = true
  return lineMissingMs
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    // Unreadable is as good as missing here: `flotilla join` tells the difference.
    error => (error as NodeJS.ErrnoException).code !== 'ENOENT',
  )
}

/** Its words go where those of the agent go. */
async function runJoinCommand(args: string[], signal: AbortSignal): Promise<number> {
  const [program = '', ...words] = ownCommand()
  const child = spawn(program, [...words, 'join', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    signal,
  })
  const [status] = (await once(child, 'close')) as [number | null]
  return status ?? 1
}

/** Power may have gone between the joining and the deleting. */
async function removeUsedLine(joinFile: string, identity: AgentIdentity, log: Log): Promise<void> {
  try {
    const ticket = await readTicketFile(joinFile)
    if (attemptOf(ticket, identity.nodeName) === identity.joinedBy) await rm(joinFile)
    else
      log.warn('a join line is left unused: the board has an identity', {
        file: joinFile,
        node: identity.nodeName,
        remedy: `flotilla join --force ${joinFile}`,
      })
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
    // As it should be: it is deleted after the joining.
    if (code !== 'ENOENT') log.warn('cannot delete the join line', { file: joinFile, reason: messageOf(error) })
  }
}
