/** What a scenario works with: a master, a machine, its card, and the times that it took. */
import { execFileSync } from 'node:child_process'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { findCondition } from '../../contract/resources/conditions.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { sleep, systemClock } from '../../kit/clock.ts'
import { freePort } from '../kit/bus/mosquitto.ts'
import { takeBootFiles } from './boot-files.ts'
import type { MachineKind } from './machines.ts'
import type { Master } from './master.ts'
import { type Machine, powerOn } from './qemu.ts'
import { onBoard } from './shell.ts'
import { readWriteLog, replayWrites, survivors } from './write-log.ts'

/** Seconds from power-on. */
export interface BootTimes {
  boot: string
  hello?: number
  ready?: number
  running?: number
  answers?: number
}

/** As seen from a guest: where its Service listens on every node, and where its sshd does. */
export const nodePort = 30_080
const sshPort = 22
const pollMs = 500
/** Emulation on a busy machine is slow: what takes longer than this on a PC with two processors does not come at all. */
const patienceMs = 900_000

/** One thing that is done to a board; rejects unless what must come of it is seen. */
export interface Step {
  title: string
  run: (rig: Rig) => Promise<void>
}

export interface RigParts {
  kind: MachineKind
  master: Master
  directory: string
  /** Default: after the machine. */
  node?: string
  /** Where our images are. Default: where ./build.sh images leaves them. */
  images?: string
  say: (line: string) => void
}

export class Rig {
  readonly kind: MachineKind
  readonly master: Master
  readonly directory: string
  readonly node: string
  readonly say: (line: string) => void
  readonly times: BootTimes[] = []
  /** That lets the card's board in. */
  secret = ''
  /** Name of the one that runs on it. */
  pod = ''
  readonly #images: string
  /** Seen at the last hello: a boot of its own has one of its own. */
  #bootId: string | undefined
  #machine: Machine | undefined
  #ports = { service: 0, ssh: 0 }

  constructor(parts: RigParts) {
    this.kind = parts.kind
    this.master = parts.master
    this.directory = parts.directory
    this.say = parts.say
    this.#images = resolve(parts.images ?? join(import.meta.dirname, '../../dist/os'))
    this.node = parts.node ?? `${parts.kind.name}-1`
  }

  get card(): string {
    return join(this.directory, 'card.img')
  }

  /** Opens the board's sshd; its public half is flashed. */
  get sshKey(): string {
    return join(this.directory, 'key')
  }

  /** Our image of its architecture. */
  get image(): string {
    return join(this.#images, `flotilla-${this.kind.architecture}.img.zst`)
  }

  makeSshKey(): void {
    if (existsSync(this.sshKey)) return
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test-boot', '-f', this.sshKey])
  }

  get machine(): Machine {
    if (!this.#machine) throw new Error('the machine is off')
    return this.#machine
  }

  get ports(): { service: number; ssh: number } {
    return this.#ports
  }

  get patienceMs(): number {
    return patienceMs * this.kind.slowness
  }

  async powerOn(boot: string, more: { writeLog?: string } = {}): Promise<void> {
    this.#ports = { service: await freePort(), ssh: await freePort() }
    const { kind, card, directory } = this
    const direct = kind.firmware === 'own' ? {} : { direct: takeBootFiles(card, kind, join(directory, 'boot')) }
    const forward = { [this.#ports.service]: nodePort, [this.#ports.ssh]: sshPort }
    const name = `${this.times.length + 1}-${boot.replaceAll(/\W+/g, '-')}`
    this.#machine = await powerOn({ hardware: kind.hardware, card, directory, boot: name, forward, ...direct, ...more })
    this.times.push({ boot })
  }

  /** Waits while the machine is on; the time since power-on in seconds goes into the table. */
  async until(what: keyof Omit<BootTimes, 'boot'>, probe: () => Promise<boolean>): Promise<void> {
    await this.waitFor(what, probe)
    const seconds = (systemClock.monotonic() - this.machine.poweredOnMs) / 1000
    this.times.at(-1)![what] = seconds
    this.say(`${what} after ${seconds.toFixed(1)} s`)
  }

  async waitFor(what: string, probe: () => Promise<boolean>, deadlineMs = this.patienceMs): Promise<void> {
    const deadline = systemClock.monotonic() + deadlineMs
    while (!(await probe())) {
      if (systemClock.monotonic() > deadline) throw new Error(`not seen within ${deadlineMs / 1000} s: ${what}`)
      await sleep(systemClock, pollMs, this.machine.gone)
    }
  }

  /** The node has reported from this boot. */
  async saysHello(): Promise<boolean> {
    const bootId = (await this.readNode())?.status?.nodeInfo?.bootID
    if (bootId === undefined || bootId === '' || bootId === this.#bootId) return false
    this.#bootId = bootId
    return true
  }

  async isReady(): Promise<boolean> {
    return findCondition((await this.readNode())?.status?.conditions, 'Ready')?.status === 'True'
  }

  async readNode(): Promise<Node | undefined> {
    return (await this.master.list<Node>('nodes')).find(({ metadata }) => metadata.name === this.node)
  }

  pods(): Promise<Pod[]> {
    return this.master.list<Pod>('pods')
  }

  /** What the Service says through the node's port. */
  async ask(): Promise<string | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#ports.service}/`, { signal: AbortSignal.timeout(3000) })
      return answer.ok ? (await answer.text()).trim() : undefined
    } catch {
      // Nobody there yet, or nobody any more: QEMU takes the connection and then resets it.
      return undefined
    }
  }

  async cut(): Promise<void> {
    await this.#machine?.cut()
    this.#machine = undefined
  }

  /** For a machine that is to be cut by `cutForgetting`. */
  async powerOnLogged(boot: string): Promise<void> {
    const writeLog = this.#file('writes.log')
    writeFileSync(writeLog, '')
    // Holes stay holes: a card is mostly empty.
    execFileSync('cp', ['--sparse=always', this.card, this.#file('before.img')])
    await this.powerOn(boot, { writeLog })
  }

  /** As `cut`, with a card that has taken more than it had time to keep: of what came after the last flush it keeps what chance says. */
  async cutForgetting(keeps: () => boolean): Promise<string> {
    await this.cut()
    const entries = readWriteLog(this.#file('writes.log'))
    const kept = survivors(entries, entries.length, keeps)
    replayWrites(this.#file('writes.log'), this.#file('before.img'), kept)
    renameSync(this.#file('before.img'), this.card)
    return `of ${entries.length} writes and flushes, ${entries.length - kept.length} are forgotten`
  }

  #file(name: string): string {
    return join(this.directory, name)
  }

  async shutDown(): Promise<void> {
    await this.machine.shutDown()
    this.#machine = undefined
  }

  /** What a person needs to find out why it went wrong. */
  async describe(): Promise<string> {
    const console = this.#machine?.console
    const agent =
      console && (await onBoard(this, 'journalctl -b -u flotilla-agent -u flotilla-first-boot -n 40 --no-pager'))
    return [
      `── last lines of ${console?.path ?? 'the console: the machine is off'}`,
      console?.tail() ?? '',
      '── the board',
      agent ?? 'it lets nobody in',
      '── the master',
      this.master.log(),
    ].join('\n')
  }
}
