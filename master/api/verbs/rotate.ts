/** rotate: a new key for the secrets in the store. */
import type { Answer, Room } from '../room.ts'

export async function runRotate(room: Room): Promise<Answer> {
  return { rotated: await room.trust.rotateSecretsKey() }
}
