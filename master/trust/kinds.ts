/** The kinds that say who belongs to the cluster, looked up once. */
import { findKind, type Kind } from '../../contract/resources/kinds.ts'
import { trustApiVersion } from '../../contract/resources/trust.ts'

export const joinTokenKind = kindOf(trustApiVersion, 'JoinToken')
export const nodeIdentityKind = kindOf(trustApiVersion, 'NodeIdentity')
export const userKind = kindOf(trustApiVersion, 'User')
export const nodeKind = kindOf('v1', 'Node')
export const podKind = kindOf('v1', 'Pod')
export const serviceAccountKind = kindOf('v1', 'ServiceAccount')

function kindOf(apiVersion: string, kind: string): Kind {
  const found = findKind(apiVersion, kind)
  if (!found) throw new Error(`no kind ${kind}`)
  return found
}
