/** Runs the attacker's program on a board of a lab. */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Fleet } from '../support/fleet.ts'
import type { Arena } from './arena.ts'

const attacker = resolve(import.meta.dirname, 'attacker.ts')

const arenaFile = (fleet: Fleet): string => join(fleet.lab.dir, 'arena.json')

export async function writeArena(fleet: Fleet, arena: Arena): Promise<void> {
  await writeFile(arenaFile(fleet), JSON.stringify(arena), { mode: 0o600 })
}

/** By the name of the attack, what came of it. */
export async function runAttacks(
  fleet: Fleet,
  { board, kind }: { board: string; kind: string },
): Promise<Map<string, string>> {
  const child = fleet.startOn(board, [process.execPath, attacker, arenaFile(fleet), kind])
  const outcomes = new Map<string, string>()
  for await (const line of createInterface({ input: child.stdout! })) {
    const { name, outcome } = JSON.parse(line) as { name: string; outcome: string }
    outcomes.set(name, outcome)
  }
  return outcomes
}
