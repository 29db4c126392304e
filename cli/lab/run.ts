/** Runs other programs for the lab: to their end, with the user's terminal, or on their own after we are gone. */
import { type StdioOptions, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { CodedError } from '../../kit/errors.ts'

export interface RunOptions {
  /** Ends the program with SIGKILL. Default one minute: nothing that the lab runs to its end takes longer. */
  timeoutMs?: number
  /** A file that becomes its stdin. */
  stdinFile?: string
  env?: NodeJS.ProcessEnv
}

export interface Ran {
  status: number
  stdout: string
  stderr: string
}

/** More output than this is cut off: it is only read by people, in errors. */
const maxOutputBytes = 4 * 1024 * 1024

/** Where tools are, also when sbin is not on the user's PATH. */
export const toolPath = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`

/** Runs to the end, whatever its status. Rejects only when it cannot be started or takes too long. */
export async function tryRun(argv: string[], options: RunOptions = {}): Promise<Ran> {
  const stdin = options.stdinFile === undefined ? 'ignore' : openSync(options.stdinFile, 'r')
  try {
    return await collect(argv, options, [stdin, 'pipe', 'pipe'])
  } finally {
    if (typeof stdin === 'number') closeSync(stdin)
  }
}

/** Runs to the end; rejects with what it wrote to stderr when its status is not 0. Resolves to its stdout. */
export async function run(argv: string[], options: RunOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await tryRun(argv, options)
  if (status === 0) return stdout
  const said = stderr.trim() || stdout.trim() || `it ended with status ${status}`
  throw new CodedError('InternalError', `cannot run "${argv.join(' ')}": because ${said}`)
}

/** Runs with our stdin, stdout and stderr. Resolves to the exit status as a shell would see it. */
export async function runAttached(argv: string[]): Promise<number> {
  // The terminal sends Ctrl-C to the program as well: it decides, and we stay to pass on its status.
  const ignore = (): void => undefined
  const child = spawn(argv[0]!, argv.slice(1), { stdio: 'inherit', env: { ...process.env, PATH: toolPath } })
  const forward = (signal: NodeJS.Signals): boolean => child.kill(signal)
  process.on('SIGINT', ignore).on('SIGTERM', forward).on('SIGHUP', forward)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', error => reject(cannotStart(argv, error)))
      child.once('exit', (status, signal) => resolve(status ?? 128 + (signal ? constants.signals[signal] : 0)))
    })
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', forward).off('SIGHUP', forward)
  }
}

/** Starts a program that outlives us, with a small environment of its own and its output appended to `logFile`. */
export async function startDetached(
  argv: string[],
  options: { logFile: string; env?: NodeJS.ProcessEnv },
): Promise<void> {
  const log = openSync(options.logFile, 'a')
  try {
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: toolPath, HOME: '/root', LANG: 'C.UTF-8', ...options.env },
    })
    await new Promise<void>((resolve, reject) => {
      child.once('error', error => reject(cannotStart(argv, error)))
      child.once('spawn', resolve)
    })
    child.unref()
  } finally {
    closeSync(log)
  }
}

function collect(argv: string[], options: RunOptions, stdio: StdioOptions): Promise<Ran> {
  const timeoutMs = options.timeoutMs ?? 60_000
  const env = { ...process.env, PATH: toolPath, ...options.env }
  const child = spawn(argv[0]!, argv.slice(1), { stdio, env, timeout: timeoutMs, killSignal: 'SIGKILL' })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      if (output[name].length < maxOutputBytes) output[name] += text
    })
  return new Promise((resolve, reject) => {
    child.once('error', error => reject(cannotStart(argv, error)))
    child.once('close', (status, signal) => {
      if (status !== null) return resolve({ status, ...output })
      const why = signal === 'SIGKILL' ? `it did not end in ${timeoutMs} ms, or was killed` : `${signal} ended it`
      reject(new CodedError('Timeout', `cannot run "${argv.join(' ')}": because ${why}`))
    })
  })
}

function cannotStart(argv: string[], cause: Error): CodedError {
  return new CodedError('NotFound', `cannot run ${argv[0]}: because ${cause.message}`, { cause })
}
