/** version: which program serves which cluster. */
import type { Answer, Room } from '../room.ts'

export async function runVersion(room: Room): Promise<Answer> {
  return { version: { flotilla: room.version, cluster: room.cluster, epoch: room.store.epoch } }
}
