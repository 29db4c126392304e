import test from 'ava'
import { ReportWriter } from '../../../master/fleet/report-writer.ts'
import { makePod, nodeStatus, podStatus, Rig } from './rig.ts'

const frame = { session: 's', sequence: 1, full: false }
const usage = { timestamp: '2026-01-01T00:00:00Z', usage: { cpu: '1' } }

function writerOf(rig: Rig): ReportWriter {
  const { objects, cache, events, usage: board } = rig.room
  return new ReportWriter({ objects, cache, events, usage: board, clock: rig.clock, log: rig.log })
}

test('changes of a node that has no object are refused whole, so that they are said again', async t => {
  const rig = await new Rig().start(t)
  const pod = await rig.create(makePod('web', 'ghost'))
  const pods = { [pod.metadata.uid ?? '']: { namespace: 'default', name: 'web', status: podStatus() } }
  await rig.rest()
  await t.throwsAsync(writerOf(rig).write('ghost', { ...frame, usage, pods }), { code: 'NotFound' })
  t.is(rig.room.usage.get('ghost'), undefined)
  t.is((await rig.pod('web'))?.status, undefined)
})

test('two first reports at once make one node', async t => {
  const rig = await new Rig().start(t)
  const writer = writerOf(rig)
  const report = { ...frame, full: true, node: nodeStatus() }
  await Promise.all([writer.write('board-1', report), writer.write('board-1', report)])
  await rig.rest()
  const events = await rig.events()
  t.deepEqual(
    events.map(({ reason, source }) => [reason, source?.component]),
    [['RegisteredNode', 'node-controller']],
  )
})

test('saying the same again writes nothing', async t => {
  const rig = await new Rig().start(t)
  const pod = await rig.create(makePod('web', 'board-1'))
  const pods = { [pod.metadata.uid ?? '']: { namespace: 'default', name: 'web', status: podStatus() } }
  const report = { ...frame, full: true, node: nodeStatus(), usage, pods }
  const writer = writerOf(rig)
  await writer.write('board-1', report)
  await rig.rest()
  const { revision } = rig.room.store
  await rig.advance(60_000)
  await writer.write('board-1', report)
  t.is(rig.room.store.revision, revision)
})

test('without anybody to listen, a held pod stays', async t => {
  const rig = await new Rig().start(t)
  const writer = writerOf(rig)
  const marked = { deletionTimestamp: '2026-01-01T00:00:30Z', finalizers: ['a/b'] }
  const pod = await rig.create(makePod('web', 'board-1', marked))
  const pods = { [pod.metadata.uid ?? '']: { namespace: 'default', name: 'web', gone: true } }
  await writer.write('board-1', { ...frame, node: nodeStatus(), pods })
  t.deepEqual((await rig.pod('web'))?.metadata.finalizers, ['a/b'])
  t.is((await rig.pod('web'))?.metadata.deletionGracePeriodSeconds, 0, 'nobody has to wait for the node any more')
})
