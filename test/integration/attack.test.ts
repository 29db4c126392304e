/**
 * Attacks on a master and its broker over TLS, from a board of the lab: by a stranger, by one who joins, by a board that was
 * taken over, by a curious user. Each must end in a refusal that is counted and told, and leave the fleet as it was.
 */
import { join } from 'node:path'
import test from 'ava'
import type { Node } from '../../contract/resources/node.ts'
import { attackers } from '../attack/attacker.ts'
import { buildArena } from '../attack/build-arena.ts'
import { countOf, readCounters } from '../attack/counters.ts'
import { runAttacks, writeArena } from '../attack/run-attacks.ts'
import { canStartBoard } from '../support/board.ts'
import { Fleet, waitFor } from '../support/fleet.ts'

const fleet = new Fleet()
const board = 'board-3'
/** Private memory of the master after all of it, MiB. */
const maxMasterMiB = 160

test.before(async t => {
  t.timeout(180_000)
  if (!canStartBoard(t)) return
  await fleet.onLab('up')
  await writeArena(fleet, await buildArena(fleet, board))
})

test.after.always(() => fleet.down())

for (const [kind, attacks] of Object.entries(attackers)) {
  test.serial(`${attacks.length} attacks of ${kind} are refused, counted and told`, async t => {
    t.timeout(240_000)
    if (!canStartBoard(t)) return
    const before = await readCounters(fleet)
    const outcomes = await runAttacks(fleet, { board, kind })
    t.is(outcomes.size, attacks.length)
    for (const { name, expect } of attacks) t.regex(outcomes.get(name) ?? 'never made', expect, name)
    const after = await readCounters(fleet)
    // Several attacks may share a word: the counter must have grown by as many, at least.
    for (const words of new Set(attacks.flatMap(({ counted = [] }) => counted))) {
      const made = attacks.filter(({ counted }) => counted === words).length
      const grown = countOf(after, words) - countOf(before, words)
      t.true(grown >= made, `${words}: ${made} attacks, counted ${grown}`)
    }
    const events = await fleet.run('get', 'events', '-A', '-o', 'json')
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
