/** invite: what a board must be told to join, but for the token. */
import type { Answer, Room } from '../room.ts'

export async function runInvite(room: Room): Promise<Answer> {
  return { invitation: room.trust.invitation() }
}
