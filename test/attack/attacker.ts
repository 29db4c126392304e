/** Runs on a board of the lab: makes the attacks of one kind of attacker, and says in a line of JSON each what came of it. */
import { readFileSync } from 'node:fs'
import { messageOf } from '../../kit/errors.ts'
import type { Arena, Attack } from './arena.ts'
import { attacksOfJoiners } from './joiners.ts'
import { attacksOfNodes } from './nodes.ts'
import { attacksOfStrangers } from './strangers.ts'
import { attacksOfUsers } from './users.ts'

export const attackers: Record<string, Attack[]> = {
  strangers: attacksOfStrangers,
  joiners: attacksOfJoiners,
  nodes: attacksOfNodes,
  users: attacksOfUsers,
}

if (import.meta.main) {
  const [file = '', kind = ''] = process.argv.slice(2)
  const arena = JSON.parse(readFileSync(file, 'utf8')) as Arena
  for (const attack of attackers[kind] ?? []) {
    const beganMs = performance.now()
    const outcome = await attack.run(arena).catch(error => `error: ${messageOf(error)}`)
    process.stdout.write(
      `${JSON.stringify({ name: attack.name, outcome, ms: Math.round(performance.now() - beganMs) })}\n`,
    )
  }
}
