/** Who asks, as RBAC sees it: a username and the groups that come with it. */
import { type Identity, usernameOf } from '../../contract/wire/identity.ts'

export interface Asker {
  username: string
  groups: readonly string[]
}

/** May do everything: not by a role, so that no change of roles can lock everybody out. */
export const mastersGroup = 'system:masters'
export const authenticatedGroup = 'system:authenticated'
export const nodesGroup = 'system:nodes'
const serviceAccountsGroup = 'system:serviceaccounts'

/** `userGroups`: of the User object. Whoever may not use the API at all (tools, boards that join) is in no group. */
export function askerOf(identity: Identity, userGroups: readonly string[] = []): Asker {
  const username = usernameOf(identity)
  switch (identity.kind) {
    case 'master':
      return { username, groups: [mastersGroup, authenticatedGroup] }
    case 'user':
      return { username, groups: [...new Set([...userGroups, authenticatedGroup])] }
    case 'serviceAccount':
      return { username, groups: serviceAccountGroups(identity.namespace) }
    case 'node':
      return { username, groups: [nodesGroup, authenticatedGroup] }
    case 'tool':
    case 'joining':
      return { username, groups: [] }
  }
}

function serviceAccountGroups(namespace: string): string[] {
  return [serviceAccountsGroup, `${serviceAccountsGroup}:${namespace}`, authenticatedGroup]
}

export function isMaster({ groups }: Asker): boolean {
  return groups.includes(mastersGroup)
}

/** The account that a pod runs as when it names none. */
export const defaultServiceAccount = 'default'
