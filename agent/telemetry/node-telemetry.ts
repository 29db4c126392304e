/** Looks at the board at its own pace: beats, samples, and the node's status when it changed. */
import { statfs } from 'node:fs/promises'
import type { ResourceList } from '../../contract/resources/meta.ts'
import type { Beat, Profile } from '../../contract/wire/fleet.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import { type Cancel, type Clock, timestamp } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { Loop } from '../../kit/loop.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Inventory } from './inventory.ts'
import { hasMoved, renderNodeStatus, renderUsage } from './node-status.ts'
import type { Reporter } from './reporter.ts'
import type { Sample, Sensors } from './sensors.ts'

export interface NodeTelemetryParts {
  bus: Bus
  beatTopic: string
  session: string
  reporter: Reporter
  runtime: Runtime
  inventory: Inventory
  sensors: Sensors
  offered: ResourceList
  agentVersion: string
  /** Disk whose size is reported. */
  dataDirectory: string
  address: () => Promise<string | undefined>
  profile: Profile
  clock: Clock
  log: Log
}

/** A runtime that restarts is back in seconds; its pods live on meanwhile and must not be moved for it. */
const runtimePatienceMs = 20_000
const firstSampleMs = 1000
/** containerd sees a new CNI configuration some milliseconds after it was written. */
const recheckMs = [50, 500, 1500]
/** A full reading is sent at least so often, moved or not, in beats of the usage interval. */
const usageRefreshTurns = 12

export class NodeTelemetry {
  #parts: NodeTelemetryParts
  #beats: Loop
  #usage: Loop
  #status: Loop
  #cancelFirst: Cancel | undefined
  #lastSent: Sample | undefined
  #turnsSinceSent = 0
  #runtimeOkMs: number
  #runtimeVersion = { name: 'containerd', version: 'unknown' }

  constructor(parts: NodeTelemetryParts) {
    this.#parts = parts
    this.#runtimeOkMs = parts.clock.monotonic()
    const { clock, log, profile } = parts
    const loop = (name: string, intervalMs: number, run: () => Promise<void>): Loop =>
      new Loop({ clock, intervalMs, run, onError: error => log.warn(`cannot ${name}`, { error: messageOf(error) }) })
    this.#beats = loop('beat', profile.beatMs, () => this.#beat())
    this.#usage = loop('read sensors', profile.usageMs, () => this.#sample())
    this.#status = loop('read the state of the node', profile.usageMs, () => this.#readStatus())
  }

  async start(): Promise<void> {
    // The first sample only opens the interval over which the second one averages: not while everything starts.
    await this.#parts.sensors.sample()
    await this.#readStatus()
    this.#cancelFirst = this.#parts.clock.after(firstSampleMs, () => this.#usage.start())
    for (const loop of [this.#beats, this.#status]) loop.start()
  }

  async stop(): Promise<void> {
    this.#cancelFirst?.()
    await Promise.all([this.#beats, this.#usage, this.#status].map(loop => loop.stop()))
  }

  /** Something happened that may have made the node ready: look now, and again soon if the runtime has not noticed yet. */
  recheck(): void {
    for (const delayMs of recheckMs) this.#parts.clock.after(delayMs, () => this.#status.poke())
  }

  async #beat(): Promise<void> {
    const { bus, beatTopic, session } = this.#parts
    if (!bus.connected) return
    const beat: Beat = { session }
    await bus.publish(beatTopic, JSON.stringify(beat), { qos: 0 })
  }

  async #sample(): Promise<void> {
    const { sensors, reporter, clock } = this.#parts
    const sample = await sensors.sample()
    this.#turnsSinceSent += 1
    if (!hasMoved(this.#lastSent, sample) && this.#turnsSinceSent < usageRefreshTurns) return
    this.#lastSent = sample
    this.#turnsSinceSent = 0
    reporter.setUsage(renderUsage(sample, timestamp(clock)))
  }

  async #readStatus(): Promise<void> {
    const { reporter, inventory, agentVersion, offered, sensors, dataDirectory } = this.#parts
    const [runtimeReady, disk, sample] = await Promise.all([
      this.#askRuntime(),
      statfs(dataDirectory),
      this.#lastSent ?? sensors.sample(),
    ])
    const facts = { inventory, agentVersion, offered, runtimeReady, runtime: this.#runtimeVersion }
    reporter.setNode(
      renderNodeStatus({
        ...facts,
        address: await this.#parts.address(),
        memoryTotalBytes: sample.memoryTotalBytes,
        diskTotalBytes: disk.blocks * disk.bsize,
      }),
    )
  }

  async #askRuntime(): Promise<{ ready: boolean; message: string }> {
    const { runtime, clock } = this.#parts
    try {
      const ready = await runtime.ready()
      // A board without its share of the pod network is up: it gets that share because it says so.
      this.#runtimeVersion = await runtime.version()
      this.#runtimeOkMs = clock.monotonic()
      return ready
    } catch (error) {
      const silentMs = clock.monotonic() - this.#runtimeOkMs
      const message = `container runtime is down: ${messageOf(error)}`
      return { ready: silentMs < runtimePatienceMs, message }
    }
  }
}
