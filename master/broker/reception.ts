/** Lets a client in or not, once its CONNECT is there: who it is, its will, its client id, and how many of it there are. */
import { type Identity, usernameOf } from '../../contract/wire/identity.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { type Admitted, decideAdmission } from './admission.ts'
import { Attendance, type Row } from './attendance.ts'
import type { Refusal } from './broker-events.ts'
import { groupOf } from './gate.ts'
import type { GuardedConnection } from './guarded-connection.ts'
import type { BrokerLimits } from './limits.ts'
import type { Policy, RefusalReason } from './policy.ts'
import { type Publication, Session } from './session.ts'

export interface ReceptionOptions {
  cluster: string
  policy: Policy
  limits: BrokerLimits
  clock: Clock
  log: Log
  /** A connection will not be read for a while. */
  onThrottled: () => void
}

export interface Caller {
  connection: GuardedConnection
  clientId: string
  username: string | undefined
  password: Buffer | undefined
  will: Publication | undefined
}

export type Welcome = { session: Session } | { refused: Pick<Refusal, 'reason' | 'detail' | 'identity'> }

export class Reception {
  #options: ReceptionOptions
  #attendance = new Attendance()

  constructor(options: ReceptionOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async receive(caller: Caller): Promise<Welcome> {
    const { connection, clientId, username, password } = caller
    const { address, transport, certificate } = connection
    const { policy, log } = this.#options
    try {
      const facts = { clientId, address, transport, certificate, username, password }
      const verdict = await decideAdmission(policy, facts)
      if (connection.destroyed) return { refused: { reason: 'not-admitted', detail: 'it has gone meanwhile' } }
      return 'refused' in verdict ? verdict : this.#letIn(caller, verdict)
    } catch (error) {
      log.warn('cannot authenticate a client', { client: clientId, address, error })
      return { refused: { reason: 'not-admitted', detail: 'it could not be found out who it is' } }
    }
  }

  #letIn({ connection, clientId, will }: Caller, { identity, stillWelcome }: Admitted): Welcome {
    const limits = this.#options.limits.kinds[identity.kind]
    const session = new Session({ cluster: this.#options.cluster, identity, clientId, limits, stillWelcome })
    const refuse = (reason: RefusalReason, detail: string): Welcome => ({ refused: { identity, reason, detail } })
    // It may have been revoked while it was being admitted.
    const unwelcome = session.whyUnwelcome()
    if (unwelcome) return refuse(unwelcome.reason, unwelcome.text)
    // At its end there would be nobody left to refuse it to.
    const badWill = will && session.refusePublish(will)
    if (badWill) return refuse('will', `its will is refused (${badWill}): ${will.topic}`)
    const rows = this.#rowsFor(identity, connection.address)
    const absent = this.#attendance.enter(connection, { clientId, identity, rows })
    if (absent === 'client-id') return refuse(absent, `its client id ${clientId} is somebody else's`)
    if (absent) return refuse(absent, `it has ${rows.map(({ seats }) => seats).join(' or ')} connections`)
    this.#watch(connection, session)
    return { session }
  }

  /** Boards that join have one name, so that one address could take all the seats there are. */
  #rowsFor(identity: Identity, address: string): Row[] {
    const { kinds, maxJoiningPerAddress } = this.#options.limits
    const own = { of: usernameOf(identity), seats: kinds[identity.kind].connectionsPerIdentity }
    if (identity.kind !== 'joining') return [own]
    return [own, { of: `${own.of} at ${groupOf(address)}`, seats: maxJoiningPerAddress }]
  }

  #watch(connection: GuardedConnection, { clientId, limits }: Session): void {
    const { clock, onThrottled, limits: all } = this.#options
    const { maxLifeMs } = limits
    const why = `cannot stay: because its ${maxLifeMs} ms are over`
    const expire = (): void => void connection.destroy(new CodedError('Expired', why))
    const cancel = maxLifeMs === undefined ? () => undefined : clock.after(maxLifeMs, expire)
    connection.once('close', () => {
      cancel()
      this.#attendance.leave(connection, clientId)
    })
    connection.admit({ ...limits, maxThrottledMs: all.maxThrottledMs, onThrottled })
  }
}
