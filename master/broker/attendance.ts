/**
 * Who is connected, under which client id. MQTT lets a second client of one id put out the first [MQTT-3.1.4-2]; here only
 * its own identity may do that, or anybody could put out a board by saying its name.
 */
import type { Identity } from '../../contract/wire/identity.ts'
import { usernameOf } from '../../contract/wire/identity.ts'
import type { RefusalReason } from './policy.ts'

interface Claim {
  username: string
  /** Two while one takes over from the other. */
  holders: Set<object>
}

export class Attendance {
  #claims = new Map<string, Claim>()
  /** Client ids by username. */
  #seats = new Map<string, Set<string>>()

  /** Undefined when it may; `connection` then holds the client id until it leaves. */
  enter(
    connection: object,
    as: { clientId: string; identity: Identity; maxConnections: number },
  ): RefusalReason | undefined {
    const { clientId, identity, maxConnections } = as
    const username = usernameOf(identity)
    const claim = this.#claims.get(clientId)
    // All boards that join have one name, and are strangers to each other.
    if (claim && (claim.username !== username || identity.kind === 'joining')) return 'client-id'
    const seats = this.#seats.get(username) ?? new Set()
    if (!claim && seats.size >= maxConnections) return 'too-many-connections'
    if (claim) claim.holders.add(connection)
    else this.#claims.set(clientId, { username, holders: new Set([connection]) })
    this.#seats.set(username, seats.add(clientId))
    return undefined
  }

  leave(connection: object, clientId: string): void {
    const claim = this.#claims.get(clientId)
    if (!claim?.holders.delete(connection) || claim.holders.size > 0) return
    this.#claims.delete(clientId)
    const seats = this.#seats.get(claim.username)
    seats?.delete(clientId)
    if (seats?.size === 0) this.#seats.delete(claim.username)
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
