/** The terminal (or pipe) that a command talks to, so that tests can stand in for it. */
import { spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import type { Readable } from 'node:stream'
import { type Clock, systemClock } from '../kit/clock.ts'
import { type Random, systemRandom } from '../kit/random.ts'

export interface Terminal {
  /** A line or several, each with its line end. */
  print(text: string): void
  /** The same on stderr: warnings, progress, whatever must not end up in a pipe. */
  warn(text: string): void
  /** Bytes as they are; resolves when there is room for more. */
  write(channel: 'stdout' | 'stderr', data: Uint8Array): Promise<void>
  /** Undefined when stdout is no terminal. */
  size(): TerminalSize | undefined
  onResize(handler: () => void): () => void
  stdin: Stdin
  setRaw(raw: boolean): void
  /** Aborts when nobody reads what we write any more (`flotilla get pods -w | head -1`), or at a caught signal. */
  hungUp: AbortSignal
  /**
   * Until the returned function is called, Ctrl-C and its like abort `hungUp`, so that there is time for a goodbye; then the
   * signal does what it was sent for. A second one does it at once.
   */
  catchSignals(): () => void
  env: Readonly<Record<string, string | undefined>>
  homeDirectory: string
  clock: Clock
  random: Random
}

export interface TerminalSize {
  columns: number
  rows: number
}

export type Stdin = Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown }

/** Input and output as they are, byte for byte, until `false`. */
function setTerminalRaw(stdin: Stdin, raw: boolean): void {
  stdin.setRawMode?.(raw)
  // libuv's raw mode still turns LF into CR LF on the way out, which the terminal over there has done already: editors
  // would find their cursor in the wrong column. Without stty that is all that is lost; leaving raw mode undoes both.
  if (raw) spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
}

const deadlySignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function catchSignals(onSignal: (signal: NodeJS.Signals) => void): () => void {
  const caught: NodeJS.Signals[] = []
  const forget = (): void => {
    for (const signal of deadlySignals) process.off(signal, take)
  }
  const take = (signal: NodeJS.Signals): void => {
    forget()
    caught.push(signal)
    onSignal(signal)
  }
  for (const signal of deadlySignals) process.on(signal, take)
  return () => {
    forget()
    // A shell that loops over us stops looping only when it sees that we died of the signal.
    for (const signal of caught) process.kill(process.pid, signal)
  }
}

export function createProcessTerminal(): Terminal {
  const { stdout, stderr, stdin, env } = process
  const hangUp = new AbortController()
  for (const stream of [stdout, stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // EPIPE: the reader has what it wanted. Anything else has no better reader either.
      hangUp.abort(error)
    })
  return {
    print: text => void stdout.write(text),
    warn: text => void stderr.write(text),
    write: (channel, data) =>
      new Promise(resolve => {
        const stream = channel === 'stdout' ? stdout : stderr
        stream.write(data, () => resolve())
      }),
    size: () => (stdout.isTTY ? { columns: stdout.columns, rows: stdout.rows } : undefined),
    onResize(handler) {
      stdout.on('resize', handler)
      return () => stdout.off('resize', handler)
    },
    stdin,
    setRaw: raw => setTerminalRaw(stdin, raw),
    hungUp: hangUp.signal,
    catchSignals: () => catchSignals(signal => hangUp.abort(signal)),
    env,
    homeDirectory: homedir(),
    clock: systemClock,
    random: systemRandom,
  }
}
