/** Starts the tools that images are made with. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { CodedError, messageOf } from '../kit/errors.ts'

/** Lists of files of a whole system are the longest that a tool says here. */
const maxOutputBytes = 64 * 1024 * 1024
const execute = promisify(execFile)

export interface RunOptions {
  cwd?: string
  /** Besides those of this process. */
  env?: Record<string, string>
  /** For its standard input. */
  input?: string
}

/** Resolves to what it printed. Rejects with what it said when it fails. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  try {
    const running = execute(command, args, {
      ...(options.cwd && { cwd: options.cwd }),
      // Messages and sorting orders are the same everywhere.
      env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC', ...options.env },
      maxBuffer: maxOutputBytes,
    })
    // A tool may have ended before it read all: what it says of that is the error, not the broken pipe.
    running.child.stdin?.on('error', ignore).end(options.input ?? '')
    return (await running).stdout
  } catch (error) {
    throw failed(command, args, error)
  }
}

/** Unpacks the files of a package into `into`, as root owns them. Resolves to their paths, as tar writes them. */
export async function unpackDeb(path: string, into: string): Promise<string[]> {
  // The links of a merged /usr (/lib, /bin) stay links when a package calls them directories.
  const flags = '--keep-directory-symlink --same-owner --same-permissions --numeric-owner --delay-directory-restore'
  const script = `set -o pipefail; dpkg-deb --fsys-tarfile "$1" | tar --extract --verbose --directory "$2" ${flags}`
  const paths = await run('bash', ['-c', script, 'unpack', path, into])
  return paths.trim().split('\n')
}

/** The control files of a package into `into`. */
export async function unpackControl(path: string, into: string): Promise<void> {
  await run('dpkg-deb', ['--control', path, into])
}

function failed(command: string, args: readonly string[], error: unknown): CodedError {
  const { stderr } = error as { stderr?: string }
  const said = stderr?.trim().split('\n').slice(-8).join('\n') || messageOf(error)
  const line = [command, ...args].join(' ').slice(0, 300)
  return new CodedError('InternalError', `cannot build the image: because this failed: ${line}\n${said}`, {
    cause: error,
  })
}

/** For errors that are told in another way. */
function ignore(): void {
  // Nothing: see where it is used.
}
