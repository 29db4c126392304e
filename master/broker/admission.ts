/** Decides on a CONNECT: the policy says who it is; whatever it says, some are not let in. */
import type { Identity } from '../../contract/wire/identity.ts'
import { checkClientId } from './attendance.ts'
import type { Refusal } from './broker-events.ts'
import type { Admission, ConnectionFacts, Policy, RefusalReason, Unwelcome } from './policy.ts'

export interface Admitted {
  identity: Identity
  stillWelcome: () => Unwelcome | undefined
}

export type Verdict = Admitted | { refused: Pick<Refusal, 'reason' | 'detail' | 'identity'> }

/** Rejects only when the policy does. */
export async function decideAdmission(policy: Policy, facts: ConnectionFacts): Promise<Verdict> {
  const badId = checkClientId(facts.clientId)
  if (badId) return { refused: { reason: 'client-id', detail: badId } }
  const admission = await policy.admit(facts)
  if ('refused' in admission) return { refused: explain(admission, facts) }
  const { identity } = admission
  const problem = facts.certificate?.problem
  // The policy looks at the problem too; that it must not overlook it is worth a second look.
  if (problem !== undefined && identity.kind !== 'joining') {
    return { refused: { identity, ...certificateRefusal(problem) } }
  }
  return admission
}

function explain(
  { refused, identity, reason }: Extract<Admission, { refused: string }>,
  facts: ConnectionFacts,
): Pick<Refusal, 'reason' | 'detail' | 'identity'> {
  return { reason: reason ?? guess(facts), detail: refused, identity }
}

function guess({ certificate, password }: ConnectionFacts): RefusalReason {
  if (certificate?.problem !== undefined) return certificateRefusal(certificate.problem).reason
  if (certificate) return 'unknown-identity'
  return password ? 'bad-token' : 'not-admitted'
}

function certificateRefusal(problem: string): { reason: RefusalReason; detail: string } {
  const reason = problem === 'CERT_HAS_EXPIRED' ? 'certificate-expired' : 'certificate-invalid'
  return { reason, detail: `its certificate is not valid (${problem})` }
}
