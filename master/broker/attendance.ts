/**
 * Who is connected, under which client id. MQTT lets a second client of one id put out the first [MQTT-3.1.4-2]; here only
 * its own identity may do that, or anybody could put out a board by saying its name.
 */
import type { Identity } from '../../contract/wire/identity.ts'
import { usernameOf } from '../../contract/wire/identity.ts'
import type { RefusalReason } from './policy.ts'

interface Claim {
  username: string
  rows: Row[]
  /** Two while one takes over from the other. */
  holders: Set<object>
}

/** Where a client takes a seat: with those of its name, and, for boards that join, with those of its address. */
export interface Row {
  of: string
  seats: number
}

export class Attendance {
  #claims = new Map<string, Claim>()
  /** Client ids by row. */
  #seats = new Map<string, Set<string>>()

  /** Undefined when it may; `connection` then holds the client id until it leaves. */
  enter(
    connection: object,
    { clientId, identity, rows }: { clientId: string; identity: Identity; rows: Row[] },
  ): RefusalReason | undefined {
    const username = usernameOf(identity)
    const claim = this.#claims.get(clientId)
    // All boards that join have one name, and are strangers to each other.
    if (claim && (claim.username !== username || identity.kind === 'joining')) return 'client-id'
    if (claim) {
      claim.holders.add(connection)
      return undefined
    }
    if (rows.some(({ of, seats }) => (this.#seats.get(of)?.size ?? 0) >= seats)) return 'too-many-connections'
    for (const { of } of rows) this.#seats.set(of, (this.#seats.get(of) ?? new Set()).add(clientId))
    this.#claims.set(clientId, { username, rows, holders: new Set([connection]) })
    return undefined
  }

  leave(connection: object, clientId: string): void {
    const claim = this.#claims.get(clientId)
    if (!claim?.holders.delete(connection) || claim.holders.size > 0) return
    this.#claims.delete(clientId)
    for (const { of } of claim.rows) {
      const seats = this.#seats.get(of)
      seats?.delete(clientId)
      if (seats?.size === 0) this.#seats.delete(of)
    }
  }

  get size(): number {
    return this.#claims.size
  }
}

const maxClientIdLength = 128

/** What is wrong with a client id, which becomes a level of topics; undefined when nothing is. */
export function checkClientId(clientId: string): string | undefined {
  if (clientId === '') return 'its client id is empty'
  if (clientId.length > maxClientIdLength) return `its client id is longer than ${maxClientIdLength} characters`
  if (/[/+#]/.test(clientId)) return 'its client id holds one of / + #'
  // Control and format characters, lone surrogates, and what is not assigned: they would deceive in logs and Events.
  if (/\p{C}/u.test(clientId)) return 'its client id holds a character that cannot be seen'
  return undefined
}
