/** What the master's broker has counted. */
import type { Fleet } from '../support/fleet.ts'

export async function readCounters(fleet: Fleet): Promise<Record<string, number>> {
  return JSON.parse(await fleet.run('broker', 'status', '-o', 'json')) as Record<string, number>
}

/** `words`: reasons of the broker, with `|` between them: how often it had one of them. */
export function countOf(counters: Record<string, number>, words: string): number {
  return words.split('|').reduce((sum, word) => sum + (counters[`broker.refused.${word}`] ?? 0), 0)
}
