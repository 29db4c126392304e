/** Finds the master again after its address has changed: when it was away for a while, the LAN is asked, and who answers is tried too. */
import { type BackoffOptions, backoffMs } from '../../kit/backoff.ts'
import type { ConnectionFailure } from '../../kit/bus/connection-failure.ts'
import type { MqttBus } from '../../kit/bus/mqtt-bus.ts'
import type { Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'
import type { FindMasters } from './find-masters.ts'
import type { AgentIdentity } from './identity.ts'

export interface MasterSearchParts {
  identity: Pick<AgentIdentity, 'cluster' | 'caFingerprint' | 'servers' | 'alsoTry' | 'foundAt'>
  bus: Pick<MqttBus, 'onConnect' | 'onFailure' | 'url' | 'connected'>
  findMasters: FindMasters
  clock: Clock
  random: Random
  log: Log
}

/** A master that restarts is back before. */
const patienceMs = 30_000
/** Between two questions: three small packets each. */
const againMs: BackoffOptions = { minMs: 60_000, maxMs: 15 * 60_000, jitter: 0.5 }

export class MasterSearch {
  #parts: MasterSearchParts
  #undo: Array<() => void> = []
  #ending = new AbortController()
  #awaySinceMs: number | undefined
  #nextMs = Number.NEGATIVE_INFINITY
  #searches = 0
  #running: Promise<void> | undefined

  constructor(parts: MasterSearchParts) {
    this.#parts = parts
  }

  start(): void {
    const { bus } = this.#parts
    this.#undo.push(
      bus.onConnect(() => void this.#connected()),
      bus.onFailure(failure => this.#failed(failure)),
    )
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo()
    this.#ending.abort()
    await this.#running
  }

  /** The bus tries every few seconds: that is often enough to look at the time. */
  #failed({ kind }: ConnectionFailure): void {
    const { clock, bus, random } = this.#parts
    // Who says no to us is there.
    if (kind === 'refused' || kind === 'taken' || bus.connected) return
    const nowMs = clock.monotonic()
    this.#awaySinceMs ??= nowMs
    if (nowMs - this.#awaySinceMs < patienceMs || nowMs < this.#nextMs || this.#running) return
    this.#nextMs = nowMs + backoffMs(this.#searches++, { ...againMs, random: () => random.number() })
    this.#running = this.#search().finally(() => {
      this.#running = undefined
    })
  }

  async #search(): Promise<void> {
    const { identity, findMasters, log } = this.#parts
    const { cluster, caFingerprint } = identity
    try {
      const found = await findMasters({ cluster, caFingerprint }, this.#ending.signal)
      const servers = found.map(address => `mqtts://${address}`)
      const fresh = servers.filter(server => !identity.servers.includes(server))
      identity.alsoTry(servers)
      if (fresh.length > 0) log.info('the LAN says that the master is elsewhere: trying there too', { servers: fresh })
    } catch (error) {
      if (!this.#ending.signal.aborted) log.debug('cannot ask the LAN for the master', { reason: messageOf(error) })
    }
  }

  async #connected(): Promise<void> {
    const { identity, bus, log } = this.#parts
    this.#awaySinceMs = undefined
    this.#searches = 0
    this.#nextMs = Number.NEGATIVE_INFINITY
    try {
      // It has shown the cluster's CA: after a restart, this board begins with it.
      if (await identity.foundAt(bus.url)) log.info('the master has another address now', { server: bus.url })
      // What else was heard is not tried the next time.
      identity.alsoTry([])
    } catch (error) {
      log.warn("cannot keep the master's new address", { reason: messageOf(error) })
    }
  }
}
