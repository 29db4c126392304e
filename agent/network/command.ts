/** Starts the programs that this room needs (nft, ip, sysctl, conntrack), with a deadline: the only file here that spawns. */
import { spawn } from 'node:child_process'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'

/** Resolves to stdout; rejects when the program is missing (`NotFound`), late (`Timeout`) or ended badly (`InternalError`). */
export type RunCommand = (argv: string[], options?: RunOptions) => Promise<string>

export interface RunOptions {
  stdin?: string
  /** Exit codes that are no failure. Default: 0 alone. */
  allowed?: number[]
  deadlineMs?: number
}

export interface CommandRunnerOptions {
  clock: Clock
  /** Words put before every command, such as `['nsenter', '--net=/run/netns/board-1']`. */
  prefix?: string[]
}

/** The system's own directories only: an npm package may have put another `nft` first on our PATH. */
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const defaultDeadlineMs = 30_000
/** 10 000 services are 4 MB of nft's JSON. */
const maxOutputBytes = 256 * 1024 * 1024
/** What a missing program gives when `nsenter` (util-linux) was to start it. */
const commandNotFound = 127

export function createCommandRunner({ clock, prefix = [] }: CommandRunnerOptions): RunCommand {
  return (argv, options = {}) =>
    new Promise((resolve, reject) => {
      const { allowed = [0], deadlineMs = defaultDeadlineMs, stdin = '' } = options
      const what = argv.slice(0, 4).join(' ')
      const fail = (code: 'NotFound' | 'Timeout' | 'InternalError', why: string, cause?: unknown): void =>
        reject(new CodedError(code, `cannot run ${what}: because ${why}`, { cause }))
      const [program = '', ...rest] = [...prefix, ...argv]
      const child = spawn(program, rest, { env: { PATH: systemPath, LC_ALL: 'C' } })
      const cancelDeadline = clock.after(deadlineMs, () => {
        fail('Timeout', `it took longer than ${deadlineMs} ms`)
        child.kill('SIGKILL')
      })
      const stdout = collect(child.stdout, () => child.kill('SIGKILL'))
      const stderr = collect(child.stderr, () => child.kill('SIGKILL'))
      child.on('error', error => {
        cancelDeadline()
        fail('NotFound', messageOf(error), error)
      })
      child.on('close', (code, signal) => {
        cancelDeadline()
        if (code !== null && allowed.includes(code)) return resolve(stdout())
        const why = stderr().trim() || `it ended with ${signal ?? `status ${code}`}`
        fail(code === commandNotFound ? 'NotFound' : 'InternalError', why)
      })
      // A program that ends before it has read everything says why on stderr; the broken pipe adds nothing.
      child.stdin.on('error', () => undefined)
      child.stdin.end(stdin)
    })
}

function collect(stream: NodeJS.ReadableStream, onOverflow: () => void): () => string {
  const chunks: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxOutputBytes) onOverflow()
    else chunks.push(chunk)
  })
  return () => Buffer.concat(chunks).toString('utf8')
}
