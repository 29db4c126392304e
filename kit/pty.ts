/** A program in a terminal of its own: the adapter of `@lydell/node-pty`. */
import { spawn } from '@lydell/node-pty'

export interface PtyOptions {
  columns?: number
  rows?: number
  cwd?: string
  env?: NodeJS.ProcessEnv
}

export interface Pty {
  /** What it says, as the terminal would get it. */
  onData(listener: (text: string) => void): void
  /** `status` as a shell would see it. */
  onExit(listener: (status: number) => void): void
  write(text: string): void
  resize(columns: number, rows: number): void
  /** SIGHUP, as when the terminal is closed. */
  close(): void
}

/** Starts `argv` in a new terminal. Throws when the program cannot be started. */
export function openPty(argv: string[], options: PtyOptions = {}): Pty {
  const { columns = 80, rows = 24, cwd = '/', env = process.env } = options
  const pty = spawn(argv[0] ?? '', argv.slice(1), { name: 'xterm-256color', cols: columns, rows, cwd, env })
  return {
    onData: listener => {
      pty.onData(listener)
    },
    onExit: listener => {
      pty.onExit(({ exitCode, signal }) => listener(signal ? 128 + signal : exitCode))
    },
    write: text => pty.write(text),
    resize: (width, height) => pty.resize(width, height),
    close: () => pty.kill(),
  }
}
