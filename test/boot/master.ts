/** A master of the harness's own: a plain process of the built program on this machine's loopback, which a guest reaches as 10.0.2.2. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Ran, tryRun } from '../../cli/lab/run.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import { sleep, systemClock } from '../../kit/clock.ts'
import { freePort } from '../kit/bus/mosquitto.ts'
import { Watcher } from './watcher.ts'

export const program = resolve(import.meta.dirname, '../../dist/flotilla')

/** This machine's loopback, as a guest of QEMU's user-mode network sees it. */
const hostSeenByGuest = '10.0.2.2'
const upTimeoutMs = 60_000
const commandTimeoutMs = 300_000
const pollMs = 100

export class Master {
  readonly directory: string
  readonly port: number
  #child: ChildProcess | undefined
  #watcher: Watcher | undefined

  private constructor(directory: string, port: number) {
    this.directory = directory
    this.port = port
  }

  static async start(directory: string): Promise<Master> {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const master = new Master(directory, await freePort())
    await master.start()
    return master
  }

  get config(): string {
    return join(this.directory, 'data', 'admin.yaml')
  }

  /** Also after `kill`: with the same data, at the same address. */
  async start(): Promise<void> {
    const log = openSync(join(this.directory, 'master.log'), 'a')
    const places = ['--data', join(this.directory, 'data'), '--socket', join(this.directory, 'master.sock')]
    const doors = ['--listen', `127.0.0.1:${this.port}`, '--advertise', `${hostSeenByGuest}:${this.port}`]
    // Killed with us, however we end.
    const argv = ['--pdeathsig', 'KILL', program, 'master', ...places, ...doors]
    this.#child = spawn('setpriv', argv, { stdio: ['ignore', log, log] })
    closeSync(log)
    const deadline = systemClock.monotonic() + upTimeoutMs
    while (!existsSync(this.config) || (await this.try('get', 'nodes')).status !== 0) {
      if (this.#child.exitCode !== null || systemClock.monotonic() > deadline) {
        throw new Error(`the master is not up: ${this.log()}`)
      }
      await sleep(systemClock, pollMs)
    }
  }

  /** As when its board loses power. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** `flotilla …` as its administrator, whatever comes of it. */
  try(...words: string[]): Promise<Ran> {
    const env = { ...process.env, FLOTILLA_CONFIG: this.config }
    return tryRun([program, ...words], { timeoutMs: commandTimeoutMs, env })
  }

  /** The same, which must succeed. Resolves to stdout. */
  async run(...words: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.try(...words)
    if (status === 0) return stdout
    throw new Error(`flotilla ${words.join(' ')} ended with status ${status}: ${stderr.trim() || stdout.trim()}`)
  }

  /** Empty while the master cannot be asked. */
  async list<T = AnyObject>(kind: string): Promise<T[]> {
    try {
      this.#watcher ??= await Watcher.open(this.config)
      return await this.#watcher.list<T>(kind)
    } catch {
      // Killed, or not up again yet: that is what it is there for.
      return []
    }
  }

  /** For good. */
  async stop(): Promise<void> {
    await this.#watcher?.close()
    await this.kill()
  }

  log(lines = 20): string {
    const path = join(this.directory, 'master.log')
    return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') : ''
  }
}
