/** counters: what was let in, refused, and could not be read, since the master's start. */
import type { Answer, Room } from '../room.ts'

export async function runCounters(room: Room): Promise<Answer> {
  return { counters: room.counters() }
}
