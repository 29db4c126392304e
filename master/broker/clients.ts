/** The clients that are in: what each may publish, subscribe to and hear, and what becomes known of one that may not. */
import { usernameOf } from '../../contract/wire/identity.ts'
import { CodedError } from '../../kit/errors.ts'
import type { GuardedConnection } from './guarded-connection.ts'
import type { Journal, Subject } from './journal.ts'
import type { Publication, Session } from './session.ts'

/** As aedes has it. */
export interface Client {
  readonly id: string
  /** A GuardedConnection: the broker gives aedes no other. */
  readonly conn: object
}

export class Clients {
  #journal: Journal
  #present = new Set<Client>()
  /** Also of one that is gone: its will is still to come. */
  #sessions = new WeakMap<Client, Session>()

  constructor(journal: Journal) {
    this.#journal = journal
  }

  enter(client: Client, session: Session): void {
    this.#sessions.set(client, session)
    this.#present.add(client)
    connectionOf(client).once('close', () => this.#present.delete(client))
  }

  /** Null when it may. Asked for a will, too, when its client is gone. */
  refusePublish(client: Client | null, publication: Publication): Error | null {
    const session = client && this.#sessions.get(client)
    const refused = session ? session.refusePublish(publication) : 'topic'
    if (!refused) return null
    const error = new Error(`may not publish to ${publication.topic} (${refused})`)
    // MQTT 3.1.1 has no other answer than the end [MQTT-3.3.5-2].
    if (client) this.#journal.refuseAndEnd(this.subjectOf(client), refused, error.message)
    return error
  }

  maySubscribe(client: Client, filter: string): boolean {
    const session = this.#sessions.get(client)
    const refused = session ? session.refuseSubscribe(filter) : 'subscription'
    if (refused) this.#journal.refuse(this.subjectOf(client), refused, `may not subscribe to ${filter}`)
    return refused === undefined
  }

  unsubscribe(client: Client, filters: string[]): void {
    for (const filter of filters) this.#sessions.get(client)?.unsubscribe(filter)
  }

  /** Ends a client that does not take what it asked for. */
  mayForward(client: Client, topic: string): boolean {
    const session = this.#sessions.get(client)
    if (!session) return false
    const connection = connectionOf(client)
    if (connection.backlogBytes > session.limits.maxBacklogBytes) {
      const why = `it has not taken ${connection.backlogBytes} bytes`
      connection.destroy(new CodedError('Timeout', `cannot send on: because ${why}`))
      return false
    }
    return session.mayHear(topic)
  }

  /** Ends those that would not be let in now. */
  recheck(): void {
    for (const client of [...this.#present]) {
      const unwelcome = this.#sessions.get(client)?.whyUnwelcome()
      if (unwelcome === undefined) continue
      this.#journal.refuseAndEnd(this.subjectOf(client), unwelcome.reason, unwelcome.text)
      connectionOf(client).destroy()
    }
  }

  of(username: string): Array<Pick<Subject, 'clientId' | 'address'>> {
    const all = [...this.#present].map(client => this.subjectOf(client))
    return all.filter(({ identity }) => identity && usernameOf(identity) === username)
  }

  subjectOf(client: Client): Subject {
    const connection = connectionOf(client)
    const identity = this.#sessions.get(client)?.identity
    return { connection, address: connection.address, clientId: client.id ?? undefined, identity }
  }
}

export function connectionOf(client: Client): GuardedConnection {
  return client.conn as GuardedConnection
}
