/** Starts the system's own programs (systemctl, ctr, sysctl, …) and tells how they ended: the only file of this room that spawns. */
import { spawn } from 'node:child_process'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'

export interface Ended {
  /** Undefined: there is no such program. */
  status: number | undefined
  stdout: string
  stderr: string
}

/** Rejects only with `Timeout`. */
export type RunProgram = (argv: string[], options?: { deadlineMs?: number }) => Promise<Ended>

/** The system's own directories only: an npm package may have put another `nft` first on our PATH. */
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const defaultDeadlineMs = 30_000
const maxOutputBytes = 4 * 1024 * 1024

export function systemPrograms(clock: Clock): RunProgram {
  return (argv, { deadlineMs = defaultDeadlineMs } = {}) =>
    new Promise((resolve, reject) => {
      const [program = '', ...rest] = argv
      const env = { PATH: systemPath, LC_ALL: 'C', HOME: '/root', DEBIAN_FRONTEND: 'noninteractive' }
      const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] })
      const cancel = clock.after(deadlineMs, () => {
        child.kill('SIGKILL')
        const what = argv.slice(0, 3).join(' ')
        reject(new CodedError('Timeout', `cannot run ${what}: because it took longer than ${deadlineMs} ms`))
      })
      const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
      child.on('error', error => {
        cancel()
        resolve({ status: undefined, stdout: '', stderr: messageOf(error) })
      })
      child.on('close', status => {
        cancel()
        resolve({ status: status ?? 1, stdout: stdout(), stderr: stderr() })
      })
    })
}

/** For what must succeed. Rejects with `NotFound` when there is no such program, with `InternalError` when it ended badly. */
export async function runOrFail(run: RunProgram, argv: string[], options?: { deadlineMs?: number }): Promise<string> {
  const { status, stdout, stderr } = await run(argv, options)
  if (status === 0) return stdout
  const what = argv.slice(0, 4).join(' ')
  if (status === undefined) throw new CodedError('NotFound', `cannot run ${what}: because there is no ${argv[0]} here`)
  const why = stderr.trim().split('\n').at(-1) || `it ended with status ${status}`
  throw new CodedError('InternalError', `cannot run ${what}: because ${why}`)
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  const seen = { bytes: 0 }
  stream.on('data', (chunk: Buffer) => {
    seen.bytes += chunk.length
    if (seen.bytes <= maxOutputBytes) chunks.push(chunk)
  })
  return () => Buffer.concat(chunks).toString('utf8')
}
