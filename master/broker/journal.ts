/** Counts and tells how connections came and went: for the log, for Events, for metrics. */
import type { Identity } from '../../contract/wire/identity.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import { type BrokerEvent, Refusals } from './broker-events.ts'
import { faultOf } from './fault.ts'
import type { RefusalReason } from './policy.ts'

/** One connection, as far as it is known. */
export interface Subject {
  /** What makes it one. */
  connection: object
  address: string
  clientId: string | undefined
  identity: Identity | undefined
}

export interface JournalOptions {
  clock: Clock
  log: Log
  onEvent: (event: BrokerEvent) => void
  eventsPerSecond: number
}

export class Journal {
  readonly refusals: Refusals
  #log: Log
  #onEvent: (event: BrokerEvent) => void
  /** What was on its way to a client that is gone fails too, each with an error of its own. */
  #ended = new WeakSet<object>()
  #dropped = 0

  constructor({ clock, log, onEvent, eventsPerSecond }: JournalOptions) {
    this.#log = log
    this.#onEvent = onEvent
    const tell = (refusal: Omit<Extract<BrokerEvent, { type: 'refused' }>, 'type'>): void => {
      const { reason, address, clientId, detail } = refusal
      log.debug('refused', { reason, address, client: clientId, detail })
      onEvent({ type: 'refused', ...refusal })
    }
    this.refusals = new Refusals({ clock, eventsPerSecond, tell })
  }

  get dropped(): number {
    return this.#dropped
  }

  came({ clientId = '', identity, address }: Subject): void {
    this.#onEvent({ type: 'connected', clientId, identity, address })
  }

  went({ clientId = '', identity, address }: Subject): void {
    this.#onEvent({ type: 'disconnected', clientId, identity, address })
  }

  /** It goes on. */
  refuse({ address, clientId, identity }: Subject, reason: RefusalReason, detail: string): void {
    this.refusals.add({ reason, address, clientId, identity, detail })
  }

  /** It is over for that. */
  refuseAndEnd(subject: Subject, reason: RefusalReason, detail: string): void {
    if (this.#isOver(subject)) return
    this.refuse(subject, reason, detail)
  }

  /** It has ended with an error, of whomever it is. */
  failed(subject: Subject, error: Error): void {
    if (this.#isOver(subject)) return
    const fault = faultOf(error)
    if (fault) this.refuse(subject, fault, error.message)
    else this.lost(subject, error.message)
  }

  silent(subject: Subject): void {
    if (!this.#isOver(subject)) this.lost(subject, 'keep alive timeout')
  }

  lost({ address, clientId }: Pick<Subject, 'address' | 'clientId'>, reason: string): void {
    this.#dropped++
    this.#log.debug('dropped a connection', { client: clientId, address, reason })
    this.#onEvent({ type: 'dropped', clientId, address, reason })
  }

  #isOver({ connection }: Subject): boolean {
    const over = this.#ended.has(connection)
    this.#ended.add(connection)
    return over
  }
}
