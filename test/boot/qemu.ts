/**
 * One machine under emulation, from power-on until its power is cut: QEMU with a card, a serial line in a file, a QMP socket, and
 * ports of this machine's loopback that lead into the guest. It ends with us, however we end.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sleep, systemClock } from '../../kit/clock.ts'
import { Console } from './console.ts'
import { Qmp } from './qmp.ts'

/** What is soldered on: the same for every boot of a machine. */
export interface Hardware {
  program: string
  /** Board, processor, memory, firmware. */
  arguments: string[]
  card: 'virtio' | 'sd'
  network: 'virtio' | 'usb'
  /** Which of its serial lines the console is on. */
  consoleUart: 0 | 1
}

export interface DirectKernel {
  kernel: string
  initrd?: string
  /** Device tree, for boards whose firmware would hand one over. */
  dtb?: string
  commandLine: string
}

export interface PowerOn {
  hardware: Hardware
  /** Raw image, written to. */
  card: string
  /** For the console, QEMU's own words and sockets; made. */
  directory: string
  /** Names the files in it: one for each power-on. */
  boot: string
  /** Instead of the machine's own firmware. */
  direct?: DirectKernel
  /** Guest's TCP ports by the loopback port that leads to each. */
  forward?: Record<number, number>
  /** Every write and flush of the card is also told to this file, in the format of dm-log-writes. */
  writeLog?: string
}

interface CardOptions {
  kind: Hardware['card']
  path: string
  /** What the firmware starts from. */
  first: boolean
  writeLog: string | undefined
}

const readyTimeoutMs = 5_000
const offTimeoutMs = 240_000

export class Machine {
  readonly console: Console
  readonly qmp: Qmp
  /** Aborts when QEMU is gone, for whatever reason. */
  readonly gone: AbortSignal
  /** Monotonic, ms. */
  readonly poweredOnMs: number
  #child: ChildProcess

  constructor(child: ChildProcess, parts: { console: Console; qmp: Qmp; gone: AbortSignal; poweredOnMs: number }) {
    this.#child = child
    this.console = parts.console
    this.qmp = parts.qmp
    this.gone = parts.gone
    this.poweredOnMs = parts.poweredOnMs
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** As when the plug is pulled: what the guest has not given to the card is lost. */
  async cut(): Promise<void> {
    await endWith(this.#child, 'SIGKILL')
    this.qmp.close()
  }

  /** QEMU ends by itself, and closes its files as it should; for the guest it is a cut. */
  async quit(): Promise<void> {
    await this.qmp.execute('quit')
    await this.#untilGone()
  }

  /** By the power button; the guest syncs and switches itself off. */
  async shutDown(): Promise<void> {
    await this.qmp.execute('system_powerdown')
    await this.#untilGone()
  }

  async #untilGone(): Promise<void> {
    const deadline = systemClock.monotonic() + offTimeoutMs
    while (!this.gone.aborted) {
      if (systemClock.monotonic() > deadline) throw new Error(`it was not off in ${offTimeoutMs / 1000} s`)
      await sleep(systemClock, 100)
    }
    this.qmp.close()
  }
}

export async function powerOn(options: PowerOn): Promise<Machine> {
  mkdirSync(options.directory, { recursive: true })
  const [consolePath, wordsPath] = ['console', 'qemu'].map(name =>
    join(options.directory, `${options.boot}.${name}.log`),
  )
  const socket = join(options.directory, `${options.boot}.qmp`)
  const words = openSync(wordsPath!, 'w')
  const argv = [
    ...qemuArguments(options),
    '-chardev',
    `file,id=console,path=${consolePath}`,
    '-qmp',
    `unix:${socket},server=on,wait=off`,
  ]
  // The kernel ends it when we are gone, also by SIGKILL.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', options.hardware.program, ...argv], {
    stdio: ['ignore', words, words],
  })
  closeSync(words)
  const gone = new AbortController()
  child.once('exit', () => gone.abort(new Error(`QEMU has ended: ${readFileSync(wordsPath!, 'utf8').trim()}`)))
  child.once('error', error => gone.abort(error))
  try {
    const qmp = await Promise.race([Qmp.connect(socket), rejectAt(gone.signal)])
    const parts = { console: new Console(consolePath!), gone: gone.signal, poweredOnMs: systemClock.monotonic() }
    await qmp.execute('cont')
    return new Machine(child, { ...parts, qmp })
  } catch (error) {
    await endWith(child, 'SIGKILL')
    throw error
  }
}

/** All but the places of console and QMP. It waits for `cont`, so that time is counted from the first instruction. */
export function qemuArguments({ hardware, card, direct, forward = {}, writeLog }: PowerOn): string[] {
  const forwards = Object.entries(forward).map(([ours, guests]) => `,hostfwd=tcp:127.0.0.1:${ours}-:${guests}`)
  const network = { virtio: 'virtio-net-pci', usb: 'usb-net' }[hardware.network]
  return [
    ...hardware.arguments,
    ...['-S', '-display', 'none', '-nodefaults', '-no-reboot'],
    ...(hardware.consoleUart === 1 ? ['-serial', 'null'] : []),
    ...['-serial', 'chardev:console'],
    // Emulation on a busy machine may stop for longer than a watchdog waits; a board that hangs misses our deadlines instead.
    ...['-action', 'watchdog=none'],
    ...['-netdev', `user,id=lan${forwards.join('')}`, '-device', `${network},netdev=lan`],
    ...cardArguments({ kind: hardware.card, path: card, first: direct === undefined, writeLog }),
    ...(direct ? directArguments(direct) : []),
  ]
}

/** The guest's flushes are fsyncs, and this machine keeps what the guest has handed over: a cut loses what it had not. */
function cardArguments(card: CardOptions): string[] {
  const { kind, path, first, writeLog } = card
  if (kind === 'sd') return ['-drive', `if=sd,format=raw,file=${path},cache=writeback`]
  const raw = `driver=raw,node-name=raw,file.driver=file,file.filename=${path}`
  const logged = `driver=blklogwrites,node-name=logged,file=raw,log.driver=file,log.filename=${writeLog}`
  return [
    ...['-blockdev', raw],
    ...(writeLog === undefined ? [] : ['-blockdev', logged]),
    '-device',
    `virtio-blk-pci,drive=${writeLog === undefined ? 'raw' : 'logged'},serial=card${first ? ',bootindex=0' : ''}`,
  ]
}

function directArguments({ kernel, initrd, dtb, commandLine }: DirectKernel): string[] {
  return [
    ...['-kernel', kernel, '-append', commandLine],
    ...(initrd === undefined ? [] : ['-initrd', initrd]),
    ...(dtb === undefined ? [] : ['-dtb', dtb]),
  ]
}

async function endWith(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await Promise.race([exited, sleep(systemClock, readyTimeoutMs)])
}

function rejectAt(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
}
