/** An admitted client: who it is, what it may, and what it has used of it. */
import type { Identity } from '../../contract/wire/identity.ts'
import type { KindLimits } from './limits.ts'
import { Permission } from './permission.ts'
import type { RefusalReason, Unwelcome } from './policy.ts'

export interface SessionOptions {
  cluster: string
  identity: Identity
  clientId: string
  limits: KindLimits
  stillWelcome: () => Unwelcome | undefined
}

/** A message, or a will. */
export interface Publication {
  topic: string
  payload: string | Buffer
  retain?: boolean | undefined
}

export class Session {
  readonly identity: Identity
  readonly clientId: string
  readonly limits: KindLimits
  #stillWelcome: () => Unwelcome | undefined
  #permission: Permission
  #filters = new Set<string>()

  constructor(options: SessionOptions) {
    this.identity = options.identity
    this.clientId = options.clientId
    this.limits = options.limits
    this.#stillWelcome = options.stillWelcome
    this.#permission = new Permission(options.cluster, options.identity, options.clientId)
  }

  /** Why it would be refused if it came now; undefined when it would not. */
  whyUnwelcome(): Unwelcome | undefined {
    try {
      return this.#stillWelcome()
    } catch {
      // Whatever the reason: who cannot be vouched for is not welcome, and the next one is asked for all the same.
      return { reason: 'revoked', text: 'it could not be found out whether it is still welcome' }
    }
  }

  /** Undefined when it may. */
  refusePublish({ topic, payload, retain = false }: Publication): RefusalReason | undefined {
    const refused = this.#permission.refusePublish(topic, retain)
    if (refused) return refused
    const tooLarge = retain && payload.length > this.limits.maxRetainedMessageBytes
    return tooLarge ? 'too-large' : undefined
  }

  /** Undefined when it may; the filter is then counted. */
  refuseSubscribe(filter: string): RefusalReason | undefined {
    if (!this.#permission.maySubscribe(filter)) return 'subscription'
    if (!this.#filters.has(filter) && this.#filters.size >= this.limits.maxSubscriptions)
      return 'too-many-subscriptions'
    this.#filters.add(filter)
    return undefined
  }

  unsubscribe(filter: string): void {
    this.#filters.delete(filter)
  }

  mayHear(topic: string): boolean {
    return this.#permission.mayHear(topic)
  }
}
