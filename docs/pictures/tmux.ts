/** A terminal that nobody sits at: typed into, read from, and photographed with its colours. */
import { execFileSync } from 'node:child_process'
import { sleep, systemClock } from '../../kit/clock.ts'

const pollMs = 200

export class Tmux {
  #socket: string
  /** The first command starts the server, which hands it on. */
  #environment: NodeJS.ProcessEnv

  /** With a server of its own: nobody's sessions and settings are touched. */
  constructor({
    name,
    columns,
    rows,
    environment,
  }: { name: string; columns: number; rows: number; environment: Record<string, string> }) {
    this.#socket = name
    this.#environment = { ...process.env, PS1: '$ ', ...environment }
    const size = ['-x', String(columns), '-y', String(rows)]
    this.#run('-f', '/dev/null', 'new-session', '-d', ...size, 'bash', '--norc', '--noprofile')
  }

  /** Text, then Enter. */
  type(text: string): void {
    this.#run('send-keys', '-l', text)
    this.#run('send-keys', 'Enter')
  }

  /** Until the screen shows it, as often as `times`. */
  async shows(pattern: RegExp, { deadlineMs, times = 1 }: { deadlineMs: number; times?: number }): Promise<void> {
    const deadline = systemClock.monotonic() + deadlineMs
    const all = new RegExp(pattern.source, 'gm')
    while ([...this.text().matchAll(all)].length < times) {
      if (systemClock.monotonic() > deadline) throw new Error(`the screen does not show ${pattern}:\n${this.text()}`)
      await sleep(systemClock, pollMs)
    }
  }

  text(): string {
    return this.#run('capture-pane', '-p', '-J')
  }

  /** With colours as ANSI sequences. */
  picture(): string {
    return this.#run('capture-pane', '-p', '-e')
  }

  clear(): void {
    this.#run('send-keys', 'C-l')
  }

  close(): void {
    this.#run('kill-server')
  }

  #run(...words: string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...words], { encoding: 'utf8', env: this.#environment })
  }
}
