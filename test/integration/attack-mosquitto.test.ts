/** The same attacks on a fleet whose traffic a Mosquitto carries, by the rules that the master keeps for it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { attackers } from '../attack/attacker.ts'
import { buildArena } from '../attack/build-arena.ts'
import { runAttacks, writeArena } from '../attack/run-attacks.ts'
import { canStartBoard } from '../support/board.ts'
import { Fleet, waitFor } from '../support/fleet.ts'

const fleet = new Fleet()
const board = 'board-3'
const joinPort = 8884

test.before(async t => {
  t.timeout(180_000)
  if (!canStartBoard(t)) return
  await fleet.onLab('up', '--broker', 'mosquitto')
  await writeArena(fleet, await buildArena(fleet, board, joinPort))
})

test.after.always(() => fleet.down())

for (const kind of ['joiners', 'nodes', 'users']) {
  const attacks = (attackers[kind] ?? []).filter(({ onMosquitto }) => onMosquitto !== 'cannot')
  test.serial(`${attacks.length} attacks of ${kind} come to nothing behind a Mosquitto`, async t => {
    t.timeout(240_000)
    if (!canStartBoard(t)) return
    const outcomes = await runAttacks(fleet, { board, kind })
    for (const { name, expect, onMosquitto = expect } of attacks)
      t.regex(outcomes.get(name) ?? 'never made', onMosquitto as RegExp, name)
  })
}

test.serial('what was said where it may not be said has been heard by nobody', async t => {
  if (!canStartBoard(t)) return
  await waitFor('three Ready nodes', async () => {
    const table = await fleet.run('get', 'nodes', '--no-headers')
    return table.split('\n').filter(line => / Ready /.test(line)).length === 3
  })
  const [pod] = await fleet.pods('-n', 'vault')
  t.is(pod?.status?.phase, 'Running')
  const log = await readFile(join(fleet.lab.dir, 'master/master.log'), 'utf8')
  // The master would complain of a request, a report or a join that it cannot read: the attackers' are all `{}`.
  const heard = log
    .split('\n')
    .filter(line => /board-1|admin|curious/.test(line) && /bad message|cannot read/.test(line))
  t.deepEqual(heard, [])
})
