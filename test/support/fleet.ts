/** A whole Flotilla on this machine, driven from outside as a user does: the built program in a lab of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { type Ran, tryRun } from '../../cli/lab/run.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { sleep, systemClock } from '../../kit/clock.ts'
import { systemRandom } from '../../kit/random.ts'
import { TestLab } from '../cli/lab/harness.ts'

export const program = resolve(import.meta.dirname, '../../dist/flotilla')
const commandTimeoutMs = 120_000

export class Fleet {
  readonly lab: TestLab
  #children = new Set<ChildProcess>()

  constructor() {
    // Not made here: the lab removes what it has made, so that nothing is left when a person takes it down.
    this.lab = new TestLab(program, join(realpathSync(tmpdir()), `flotilla-${systemRandom.suffix(6)}`))
  }

  get environment(): Record<string, string> {
    return { FLOTILLA_CONFIG: join(this.lab.dir, 'config.yaml') }
  }

  /** `flotilla …`, whatever comes of it. */
  try(...words: string[]): Promise<Ran> {
    return tryRun([program, ...words], { env: this.environment, timeoutMs: commandTimeoutMs })
  }

  /** `flotilla …`, which must succeed. Resolves to stdout. */
  async run(...words: string[]): Promise<string> {
    return mustSucceed(`flotilla ${words.join(' ')}`, await this.try(...words))
  }

  /** `flotilla lab …`, which must succeed. */
  async onLab(...words: string[]): Promise<string> {
    return mustSucceed(`flotilla lab ${words.join(' ')}`, await this.lab.run(...words))
  }

  /** A shell script on a machine of the lab, which must succeed. */
  sh(machine: string, script: string): Promise<string> {
    return this.onLab('exec', machine, '--', 'sh', '-c', script)
  }

  /** Starts `flotilla …` and calls `onLine` for each line of its stdout, until `stop`. */
  follow(words: string[], onLine: (line: string) => void): { stop: () => void } {
    const child = spawn(program, words, {
      env: { ...process.env, ...this.environment },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    this.#children.add(child)
    createInterface({ input: child.stdout }).on('line', onLine)
    return { stop: () => child.kill() }
  }

  /** Starts a program on a machine of the lab; its stdout is a pipe, and it ends with the fleet at the latest. */
  startOn(machine: string, words: string[]): ChildProcess {
    const child = spawn(program, ['lab', '--dir', this.lab.dir, 'exec', machine, '--', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#children.add(child)
    return child
  }

  async pods(...words: string[]): Promise<Pod[]> {
    return JSON.parse(await this.run('get', 'pods', '-o', 'json', ...words)).items
  }

  /** One HTTP GET on a machine of the lab; undefined when nobody answers in time. */
  async fetch(machine: string, url: string): Promise<string | undefined> {
    const { status, stdout } = await this.lab.run(
      'exec',
      machine,
      '--',
      'timeout',
      '3',
      'busybox',
      'wget',
      '-q',
      '-O',
      '-',
      url,
    )
    return status === 0 ? stdout.trim() : undefined
  }

  /** Ids of all containers on a board, pause processes included: a restarted container has a new one. */
  async containerIds(board: string): Promise<string[]> {
    const output = await this.onLab('exec', board, '--', 'ctr', '-n', 'k8s.io', 'containers', 'ls', '-q')
    return output.split('\n').filter(Boolean).sort()
  }

  async down(): Promise<void> {
    for (const child of this.#children) child.kill()
    await this.onLab('down')
    await rm(this.lab.dir, { recursive: true, force: true })
  }
}

/** Polls until `probe` resolves to something; rejects, saying what, after the deadline. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  deadlineMs = 30_000,
): Promise<T> {
  const deadline = systemClock.monotonic() + deadlineMs
  for (;;) {
    const found = await probe()
    if (found !== undefined && found !== false) return found
    if (systemClock.monotonic() > deadline) throw new Error(`not seen within ${deadlineMs / 1000} s: ${what}`)
    await sleep(systemClock, 100)
  }
}

function mustSucceed(what: string, { status, stdout, stderr }: Ran): string {
  if (status !== 0) throw new Error(`${what} ended with status ${status}: ${stderr.trim() || stdout.trim()}`)
  return stdout
}
