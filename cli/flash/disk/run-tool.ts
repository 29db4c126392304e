/** Starts the programs of util-linux and its like that deal with drives, with a deadline: the only file here that spawns to the end. */
import { spawn } from 'node:child_process'
import { CodedError, messageOf } from '../../../kit/errors.ts'

export interface RunToolOptions {
  /** An open file that the program gets as its descriptor 3. */
  fd?: number
}

/** Where tools are, also when sbin is not on the user's PATH. Nothing else of the environment: lsblk and xz listen to it. */
export const toolEnvironment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

const timeoutMs = 60_000
/** lsblk's answer for a hundred disks is 200 KB. */
const maxOutputBytes = 8 * 1024 * 1024

/** Resolves to stdout. Rejects with `NotFound` when the program is not installed, `Timeout`, or `InternalError` with what it said. */
export function runTool(argv: string[], { fd }: RunToolOptions = {}): Promise<string> {
  const what = argv.join(' ')
  const stdio: Array<'ignore' | 'pipe' | number> = ['ignore', 'pipe', 'pipe', ...(fd === undefined ? [] : [fd])]
  return new Promise((resolve, reject) => {
    const fail = (code: 'NotFound' | 'Timeout' | 'InternalError', why: string, cause?: unknown): void =>
      reject(new CodedError(code, `cannot run "${what}": because ${why}`, { cause }))
    const env = toolEnvironment
    const child = spawn(argv[0]!, argv.slice(1), { stdio, env, timeout: timeoutMs, killSignal: 'SIGKILL' })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        if (output[name].length < maxOutputBytes) output[name] += text
      })
    child.once('error', error => fail('NotFound', messageOf(error), error))
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(output.stdout)
      if (signal === 'SIGKILL') return fail('Timeout', `it did not end in ${timeoutMs} ms, or was killed`)
      fail('InternalError', output.stderr.trim() || `it ended with ${signal ?? `status ${code}`}`)
    })
  })
}
