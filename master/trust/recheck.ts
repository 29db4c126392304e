/** Ends the connections of those who were revoked, deleted or replaced, or whose time is over: soon after, and once a minute. */
import type { NodeIdentity, User } from '../../contract/resources/trust.ts'
import type { Cancel, Clock } from '../../kit/clock.ts'
import type { Cache, Change } from '../store/cache.ts'
import { sameJson } from '../store/same-json.ts'

export interface RecheckParts {
  cache: Cache
  clock: Clock
  /** Asks of every connection whether it would still be admitted. */
  recheck: () => void
}

/** Changes that come together cost one look at all connections. */
const soonMs = 50
/** Certificates and tokens run out without anybody's doing. */
const everyMs = 60_000

export class Recheck {
  #parts: RecheckParts
  #cancel: Cancel | undefined
  /** The next look is near: one change after the other must not put it off. */
  #isSoon = false
  #unsubscribe: (() => void) | undefined

  constructor(parts: RecheckParts) {
    this.#parts = parts
  }

  start(): void {
    this.#unsubscribe = this.#parts.cache.onChange(change => {
      if (mayEndConnections(change) && !this.#isSoon) this.#schedule(soonMs)
    })
    this.#schedule(everyMs)
  }

  stop(): void {
    this.#unsubscribe?.()
    this.#cancel?.()
  }

  #schedule(delayMs: number): void {
    this.#cancel?.()
    this.#isSoon = delayMs === soonMs
    this.#cancel = this.#parts.clock.after(delayMs, () => {
      this.#schedule(everyMs)
      this.#parts.recheck()
    })
  }
}

/** By what `Identities` looks at. */
function mayEndConnections({ kind, type, object, previous }: Change): boolean {
  switch (kind.kind) {
    case 'NodeIdentity':
    case 'User': {
      if (type === 'delete') return true
      const [now, before] = [
        object as unknown as NodeIdentity | User,
        previous as unknown as NodeIdentity | User | undefined,
      ]
      return before !== undefined && !sameJson(now.spec, before.spec)
    }
    case 'ServiceAccount':
    case 'Pod':
      return type === 'delete'
    default:
      return false
  }
}
