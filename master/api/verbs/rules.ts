/** rules: all that the asker, or whom he stands in for, may do in a namespace by its roles. */
import { rulesIn } from '../../authorization/escalation.ts'
import { readStandIn } from '../demands.ts'
import type { Answer, RequestOf, Room } from '../room.ts'

export async function runRules({ permit }: Room, request: RequestOf<'rules'>): Promise<Answer> {
  const asker = readStandIn(permit, request)
  const rules = rulesIn(permit.rights.book, asker, request.namespace)
  return { rules, user: { username: asker.username, groups: [...asker.groups] } }
}
