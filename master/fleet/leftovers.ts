/** Asks a broker that remembers which nodes it still holds something about: an earlier master may have left it there. */
import type { Topics } from '../../contract/wire/topics.ts'
import type { Bus, Message } from '../../kit/bus/bus.ts'
import { indexTopic } from '../../kit/bus/collection.ts'
import { type Clock, sleep } from '../../kit/clock.ts'

export interface LeftoversParts {
  bus: Bus
  topics: Topics
  clock: Clock
  /** How long the broker may take to tell. */
  searchMs: number
  signal: AbortSignal
}

/** What is above this is found at the next start. */
const maxFound = 20_000

/** Names of the nodes that have a retained wish or presence. Rejects with the signal's reason. */
export async function findRetainedNodes(parts: LeftoversParts): Promise<Set<string>> {
  const { bus, topics, clock, searchMs, signal } = parts
  const found = new Set<string>()
  const note = ({ topic, retained, payload }: Message): void => {
    const node = topics.parseNode(topic)?.node
    if (node !== undefined && retained && payload.length > 0 && found.size < maxFound) found.add(node)
  }
  const filters = [indexTopic(topics.nodeWish('+')), topics.nodePresence('+')]
  const endings = await Promise.all(filters.map(filter => bus.subscribe(filter, note)))
  try {
    await sleep(clock, searchMs, signal)
    return found
  } finally {
    for (const end of endings) end()
  }
}
