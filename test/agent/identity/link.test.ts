import { readFile, writeFile } from 'node:fs/promises'
import test from 'ava'
import { joinCluster } from '../../../agent/identity/join.ts'
import { waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import { eventually } from '../../kit/eventually.ts'
import { ShiftedClock, startCluster } from './cluster.ts'
import { joinedDirectory, startNode } from './node.ts'

const dayMs = 24 * 60 * 60 * 1000

test('a board that has joined speaks on its own topics, and on no other', async t => {
  const cluster = await startCluster(t)
  const { link } = await startNode(t, await joinedDirectory(t, cluster))
  await waitConnected(link.bus, 10_000)
  await link.bus.publish(link.topics.nodePresence('board-1'), '{"online":true}', { retain: true })
  await t.throwsAsync(
    link.bus.subscribe(link.topics.nodeWish('board-2'), () => undefined),
    { message: /refuses it/ },
  )
})

test('a certificate renews in its last third, on the disk and on the wire', async t => {
  const cluster = await startCluster(t)
  const clock = new ShiftedClock()
  const node = await startNode(t, await joinedDirectory(t, cluster), { clock })
  await waitConnected(node.link.bus, 10_000)
  const before = node.identity.certificate
  // 70 of 90 days later, the agent starts again.
  cluster.clock.offsetMs = 70 * dayMs
  clock.offsetMs = 70 * dayMs
  const later = await startNode(t, node.dataDirectory, { clock })
  const said = (line: string): boolean => line.includes('the certificate of this node was renewed')
  await eventually('the renewal', () => later.lines.some(said))
  t.not(later.identity.certificate, before)
  t.true(later.identity.term.untilMs > node.identity.term.untilMs + 60 * dayMs)
  await eventually('the new connection', () => later.link.bus.connected)
  t.false(
    later.lines.some(line => line.includes('not connected')),
    'a renewal is no outage',
  )
  t.is((await startNode(t, node.dataDirectory, { clock })).identity.certificate, later.identity.certificate)
})

test('a board that was off when its certificate ran out comes back with its key', async t => {
  // It joined 200 days ago, for 90.
  const cluster = await startCluster(t, { offsetMs: -200 * dayMs })
  const dataDirectory = await joinedDirectory(t, cluster)
  cluster.clock.offsetMs = 0
  const { link, lines, identity } = await startNode(t, dataDirectory)
  await waitConnected(link.bus, 20_000)
  t.true(lines.some(line => line.includes('the certificate of this node was renewed')))
  t.false(identity.hasRunOut)
})

test('a board that is revoked is put out, says once what it means and how to come back, and comes back so', async t => {
  const cluster = await startCluster(t)
  const { link, lines, dataDirectory } = await startNode(t, await joinedDirectory(t, cluster))
  await waitConnected(link.bus, 10_000)
  await cluster.revoke('board-1')
  const said = (line: string): boolean => line.includes('does not let this node in')
  await eventually('the refusal', () => lines.some(said))
  t.is(lines.filter(said).length, 1)
  t.regex(lines.find(said) ?? '', /its pods keep running.*revoked.*flotilla token create --node board-1/)
  t.false(link.bus.connected)
  const ticket = await cluster.ticket({ nodeName: 'board-1' })
  const parts = { clock: systemClock, random: systemRandom, log: silentLog }
  await joinCluster({ ticket, nodeName: 'board-1', dataDirectory, force: true, ...parts })
  await waitConnected(link.bus, 20_000)
  t.true(lines.some(line => line.includes('this board has joined anew')))
})

test('a master of another CA is not spoken to, and the log says why', async t => {
  const [ours, other] = [await startCluster(t), await startCluster(t)]
  const dataDirectory = await joinedDirectory(t, ours)
  const path = `${dataDirectory}/identity/identity.json`
  const stored = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify({ ...stored, servers: [`mqtts://127.0.0.1:${other.port}`] }), { mode: 0o600 })
  const { link } = await startNode(t, dataDirectory)
  await eventually('the failure', () => link.bus.lastFailure)
  t.is(link.bus.lastFailure, "the master's certificate is not of our cluster's CA")
})
