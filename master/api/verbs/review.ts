/** review: may the asker, or whom he stands in for, do this? */
import { decide } from '../../authorization/decide.ts'
import { readStandIn } from '../demands.ts'
import type { Answer, RequestOf, Room } from '../room.ts'

export async function runReview({ permit }: Room, request: RequestOf<'review'>): Promise<Answer> {
  const asker = readStandIn(permit, request)
  const { allowed, reason } = decide(permit.rights, asker, request.attributes)
  return { allowed, reason }
}
