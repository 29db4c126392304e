/**
 * Attacks on a master and its broker over TLS, from a board of the lab: by a stranger, by one who joins, by a board that was
 * taken over, by a curious user. Each must end in a refusal that is counted and told, and leave the fleet as it was.
 */
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'ava'
import type { Node } from '../../contract/resources/node.ts'
import { attackers } from '../attack/attacker.ts'
import { buildArena } from '../attack/build-arena.ts'
import { countOf, readCounters } from '../attack/counters.ts'
import { canStartBoard } from '../support/board.ts'
import { Fleet, waitFor } from '../support/fleet.ts'

const fleet = new Fleet()
const attacker = resolve(import.meta.dirname, '../attack/attacker.ts')
const board = 'board-3'
/** Private memory of the master after all of it, MiB. */
const maxMasterMiB = 160

test.before(async t => {
  t.timeout(180_000)
  if (!canStartBoard(t)) return
  await fleet.onLab('up')
  const arena = await buildArena(fleet, board)
  await writeFile(join(fleet.lab.dir, 'arena.json'), JSON.stringify(arena), { mode: 0o600 })
})

test.after.always(() => fleet.down())

for (const [kind, attacks] of Object.entries(attackers)) {
  test.serial(`${attacks.length} attacks of ${kind} are refused, counted and told`, async t => {
    t.timeout(240_000)
    if (!canStartBoard(t)) return
    const before = await readCounters(fleet)
    const outcomes = await runAttacks(kind)
    t.is(outcomes.size, attacks.length)
    if (process.env['SHOW']) for (const [n, o] of outcomes) t.log(n, '→', o)
    for (const { name, expect } of attacks) t.regex(outcomes.get(name) ?? 'never made', expect, name)
    const after = await readCounters(fleet)
    // Several attacks may share a word: the counter must have grown by as many, at least.
    for (const words of new Set(attacks.flatMap(({ counted = [] }) => counted))) {
      const made = attacks.filter(({ counted }) => counted === words).length
      const grown = countOf(after, words) - countOf(before, words)
      t.true(grown >= made, `${words}: ${made} attacks, counted ${grown}`)
    }
    const events = await fleet.run('get', 'events', '-A', '-o', 'json')
    if (process.env['SHOW']) t.log(await fleet.run('events', '-A'))
    for (const words of new Set(attacks.flatMap(({ counted = [] }) => counted)))
      t.true(
        words.split('|').some(word => events.includes(`(${word})`)),
        `no Event tells of ${words}`,
      )
  })
}

test.serial(
  'the fleet is as it was: all nodes are Ready, the master is the same process, and within its memory',
  async t => {
    if (!canStartBoard(t)) return
    await waitFor('three Ready nodes', async () => (await readyNodes()).length === 3)
    const log = await fleet.sh('master', 'cat /run/master.pid; cat /proc/$(cat /run/master.pid)/smaps_rollup')
    const kib = [...log.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm)].reduce(
      (sum, [, text]) => sum + Number(text),
      0,
    )
    t.log(`private memory of the master: ${Math.round(kib / 1024)} MiB`)
    t.true(kib / 1024 < maxMasterMiB, `${kib} KiB`)
    const starts = await fleet.sh('master', `grep -c 'the master is up' ${join(fleet.lab.dir, 'master/master.log')}`)
    t.is(starts.trim(), '1')
    // What nodes may retain is their presence; what was retained by others would be sent to whoever comes next.
    const intruder = await fleet.try('get', 'nodes', 'intruder')
    t.not(intruder.status, 0)
  },
)

async function readyNodes(): Promise<Node[]> {
  const { items } = JSON.parse(await fleet.run('get', 'nodes', '-o', 'json')) as { items: Node[] }
  return items.filter(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  )
}

/** By the name of the attack, what came of it. */
async function runAttacks(kind: string): Promise<Map<string, string>> {
  const words = [process.execPath, attacker, join(fleet.lab.dir, 'arena.json'), kind]
  const child = fleet.startOn(board, words)
  const outcomes = new Map<string, string>()
  for await (const line of createInterface({ input: child.stdout! })) {
    const { name, outcome, ms } = JSON.parse(line) as { name: string; outcome: string; ms: number }
    if (process.env['SHOW']) process.stderr.write(`${ms} ${name}\n`)
    outcomes.set(name, outcome)
  }
  return outcomes
}
