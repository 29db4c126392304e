/** What one connection may say and hear: its rows of the table (contract/wire/access.ts), worked out once. */
import { type Access, accessOf } from '../../contract/wire/access.ts'
import type { Identity } from '../../contract/wire/identity.ts'
import { checkFilter, checkTopic, coversFilter, matchesTopic } from '../../kit/bus/topic-match.ts'
import type { RefusalReason } from './policy.ts'

export class Permission {
  #access: Access

  constructor(cluster: string, identity: Identity, clientId: string) {
    this.#access = accessOf(cluster, identity, clientId)
  }

  /** Undefined when it may. */
  refusePublish(topic: string, retain: boolean): RefusalReason | undefined {
    // `$` topics are the broker's own; none of the table's begins so, and this does not rely on it.
    if (topic.startsWith('$') || !isSound(checkTopic, topic)) return 'topic'
    const rows = this.#access.publish.filter(({ filter }) => matchesTopic(filter, topic))
    if (rows.length === 0) return 'topic'
    return retain && !rows.some(row => row.retain) ? 'retain' : undefined
  }

  /** All that the filter matches must be the client's to hear, by one row. */
  maySubscribe(filter: string): boolean {
    if (filter.startsWith('$') || !isSound(checkFilter, filter)) return false
    return this.#access.hear.some(own => coversFilter(own, filter))
  }

  mayHear(topic: string): boolean {
    return this.#access.hear.some(own => matchesTopic(own, topic))
  }
}

function isSound(check: (text: string) => void, text: string): boolean {
  try {
    check(text)
    return true
  } catch {
    // Only whether, not why: the answer is no.
    return false
  }
}
