/** Two boards with one identity, as when a card is copied after it joined: one stays, the other is kept out while it lives. */
import { createHash } from 'node:crypto'
import { cp } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { joinCluster } from '../../agent/identity/join.ts'
import { kindNamed, targetOf } from '../../cli/resource-args.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import { trustApiVersion } from '../../contract/resources/trust.ts'
import { waitConnected } from '../../kit/bus/mqtt-bus.ts'
import { systemClock } from '../../kit/clock.ts'
import { silentLog } from '../../kit/log.ts'
import { systemRandom } from '../../kit/random.ts'
import { startNode } from '../agent/identity/node.ts'
import { eventually } from '../kit/eventually.ts'
import { adminOf, apiOf, connectAs, folder, runMaster } from './running-master.ts'

type Board = Awaited<ReturnType<typeof startNode>>

/** Says that it is there, as an agent does. */
function keepBeating(t: ExecutionContext, { link: { bus, topics, session } }: Board): void {
  const beat = (): void => {
    if (bus.connected) bus.publish(topics.nodeBeat('board-1'), JSON.stringify({ session })).catch(() => undefined)
  }
  const timer = setInterval(beat, 200)
  t.teardown(() => clearInterval(timer))
}

test('of a board and its copy the first stays, the other is put out and told, and both addresses are in an Event', async t => {
  const master = await runMaster(t, await folder(t))
  const api = await apiOf(t, connectAs(t, await adminOf(master)), 'admin')
  const token = { id: 'abc123', secret: 'k'.repeat(26) }
  const spec = {
    tokenHash: createHash('sha256').update(`${token.id}.${token.secret}`).digest('hex'),
    expirationTimestamp: new Date(systemClock.now() + 60_000).toISOString(),
    uses: 1,
  }
  const joinToken = { apiVersion: trustApiVersion, kind: 'JoinToken', metadata: { name: token.id }, spec }
  await api.create(targetOf(kindNamed('jointokens'), undefined, token.id), joinToken as unknown as AnyObject)
  const [original, copy] = [await folder(t), await folder(t)]
  const parts = { clock: systemClock, random: systemRandom, log: silentLog }
  await joinCluster({
    ticket: { ...(await api.invite()), token },
    nodeName: 'board-1',
    dataDirectory: original,
    ...parts,
  })
  await cp(original, copy, { recursive: true })

  const first = await startNode(t, original)
  await waitConnected(first.link.bus, 10_000)
  keepBeating(t, first)
  const second = await startNode(t, copy)
  await waitConnected(second.link.bus, 10_000)
  keepBeating(t, second)
  await eventually('that the copy is told', () => second.lines.some(line => line.includes('second board')))
  t.false(second.link.bus.connected)
  t.true(first.link.bus.connected)
  const event = await eventually('an Event', async () => {
    const { items } = await api.list({ resource: 'events', group: '' })
    return items.find(({ reason }) => reason === 'NodeNameConflict')
  })
  t.like(event, { type: 'Warning', involvedObject: { kind: 'Node', name: 'board-1' } })
  t.regex(String(event?.['message']), /\(address: 127\.0\.0\.1\).*\(address: 127\.0\.0\.1\)/)
  const counters = await api.counters()
  t.true((counters['broker.refused.twin'] ?? 0) > 0)

  await first.link.bus.close()
  await eventually('that the copy takes the place', () => second.link.bus.connected)
})
