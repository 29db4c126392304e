/** Keeps the node's certificate valid: renews it in time, finds the way back when it has run out, and says once when there is none. */
import { type BackoffOptions, backoffMs } from '../../kit/backoff.ts'
import type { ConnectionFailure } from '../../kit/bus/connection-failure.ts'
import type { MqttBus } from '../../kit/bus/mqtt-bus.ts'
import type { Clock } from '../../kit/clock.ts'
import { hasCode, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { Loop } from '../../kit/loop.ts'
import type { Random } from '../../kit/random.ts'
import type { AgentIdentity } from './identity.ts'
import type { CertificateReply } from './join-exchange.ts'
import type { NodeApi } from './node-api.ts'

export interface KeeperParts {
  identity: AgentIdentity
  bus: Pick<MqttBus, 'connected' | 'onConnect' | 'onFailure' | 'reconnect'>
  api: Pick<NodeApi, 'sign'>
  /** The exchange for a certificate that the master no longer takes. */
  renew: () => Promise<CertificateReply>
  clock: Clock
  random: Random
  log: Log
}

const checkEveryMs = 10 * 60 * 1000
/** Of a certificate's life; the boards of a fleet that was flashed in one hour do not all come in one hour. */
const renewAfter = 2 / 3
const spread = 1 / 20
/** Between two tries to be let in again: who was revoked comes back by a person's hand. */
const wayBackMs: BackoffOptions = { minMs: 60_000, maxMs: 60 * 60 * 1000, jitter: 0.5 }

export class CertificateKeeper {
  #parts: KeeperParts
  #loop: Loop
  /** Share of the life by which this board is later than others. */
  #lateness: number
  #undo: Array<() => void> = []
  #isRefused = false
  #tries = 0
  #nextTryMs = Number.NEGATIVE_INFINITY
  /** The last thing that was said of a failure: each is said once. */
  #said = ''

  constructor(parts: KeeperParts) {
    const { clock, random } = parts
    this.#parts = parts
    this.#lateness = random.number() * spread
    this.#loop = new Loop({
      clock,
      intervalMs: checkEveryMs,
      run: () => this.#turn(),
      onError: error => this.#tell(error),
    })
  }

  start(): void {
    const { bus } = this.#parts
    this.#undo.push(
      bus.onConnect(() => this.#welcomed()),
      bus.onFailure(failure => this.#failed(failure)),
    )
    this.#loop.start()
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo()
    await this.#loop.stop()
  }

  #welcomed(): void {
    this.#isRefused = false
    this.#tries = 0
    this.#nextTryMs = Number.NEGATIVE_INFINITY
    // What was missed while the master was away.
    this.#loop.poke()
  }

  #failed({ kind }: ConnectionFailure): void {
    if (kind !== 'refused') return
    this.#isRefused = true
    this.#loop.poke()
  }

  async #turn(): Promise<void> {
    const { identity, bus } = this.#parts
    await identity.time.keep()
    if (this.#isRefused || identity.hasRunOut) await this.#findWayBack()
    else if (bus.connected && this.#isDue()) await this.#renewInTime()
  }

  #isDue(): boolean {
    const { identity } = this.#parts
    const { fromMs, untilMs } = identity.term
    return identity.time.now() >= fromMs + (untilMs - fromMs) * (renewAfter + this.#lateness)
  }

  async #renewInTime(): Promise<void> {
    const { identity, api } = this.#parts
    const { certificate, time } = await api.sign()
    identity.hearTime(time, true)
    await this.#take({ certificate })
  }

  /** Run out, revoked, or joined anew by somebody at this board: only the master knows, and it may have changed its mind. */
  async #findWayBack(): Promise<void> {
    const { identity, clock, bus, log } = this.#parts
    if (await identity.reload()) {
      log.info('this board has joined anew', { node: identity.nodeName })
      return bus.reconnect()
    }
    if (clock.monotonic() < this.#nextTryMs) return
    this.#nextTryMs = clock.monotonic() + backoffMs(this.#tries++, wayBackMs)
    const { certificate, servers, time } = await this.#parts.renew()
    identity.hearTime(time, true)
    await this.#take({ certificate, servers })
  }

  async #take(renewed: { certificate: string; servers?: string[] }): Promise<void> {
    const { identity, bus, log } = this.#parts
    await identity.renew(renewed)
    this.#said = ''
    this.#isRefused = false
    log.info('the certificate of this node was renewed', { until: new Date(identity.term.untilMs).toISOString() })
    await bus.reconnect()
  }

  #tell(error: unknown): void {
    const { identity, log } = this.#parts
    const reason = messageOf(error)
    if (reason === this.#said) return
    this.#said = reason
    if (!this.#isRefused) return log.warn('cannot renew the certificate of this node yet', { reason })
    // It was joined as somebody else: that is done, and the reason says what is left to do.
    const remedy = hasCode(error, 'Conflict')
      ? 'systemctl restart flotilla-agent'
      : `flotilla token create --node ${identity.nodeName} on an admin's computer, then flotilla join --force here`
    log.error('the master does not let this node in: its pods keep running, but nothing new reaches them', {
      reason,
      remedy,
    })
  }
}
