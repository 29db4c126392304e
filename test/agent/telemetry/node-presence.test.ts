import test, { type ExecutionContext } from 'ava'
import { NodePresenceSpeaker } from '../../../agent/telemetry/node-presence.ts'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import { silentLog } from '../../../kit/log.ts'
import { eventually } from '../../kit/eventually.ts'

const topics = topicsOf('home')

async function setScene(t: ExecutionContext, { isStopping = false } = {}) {
  const broker = new MemoryBroker()
  const [bus, master] = [broker.connect('agent'), broker.connect('master')]
  const [said, times]: [object[], Array<[string, boolean]>] = [[], []]
  const wanted = { reports: 0 }
  await master.subscribe(topics.nodePresence('board-1'), ({ payload }) => said.push(JSON.parse(String(payload))))
  const badMessages = new BadMessages(silentLog)
  const speaker = new NodePresenceSpeaker({
    ...{ bus, topics, nodeName: 'board-1', session: 's', badMessages },
    isSystemStopping: async () => isStopping,
    onReportWanted: () => wanted.reports++,
    onMasterTime: (...heard) => times.push(heard),
  })
  t.teardown(() => speaker.stop())
  const speak = (message: object, retain = true): Promise<void> =>
    master.publish(topics.masterPresence, JSON.stringify(message), { retain })
  return { bus, speaker, speak, said, times, wanted, badMessages }
}

test('a node says that it is there at each connection, and why it goes', async t => {
  const { bus, speaker, said, wanted } = await setScene(t, { isStopping: true })
  await speaker.start()
  await eventually('the first word', () => said.length === 1)
  bus.cut()
  bus.mend()
  await eventually('the second', () => said.length === 2)
  t.is(wanted.reports, 2)
  await speaker.stop()
  await eventually('the goodbye', () => said.length === 3)
  t.deepEqual(said, [
    { online: true, session: 's' },
    { online: true, session: 's' },
    { online: false, session: 's', reason: 'shutdown' },
  ])
})

test('a node that only ends its agent gives no reason, so that its pods stay where they are', async t => {
  const { speaker, said } = await setScene(t)
  await speaker.start()
  await speaker.stop()
  await eventually('the goodbye', () => said.length === 2)
  t.deepEqual(said.at(-1), { online: false, session: 's' })
})

test('each new master is told everything once; its time is handed on, with whether it is fresh', async t => {
  const { speaker, speak, times, wanted } = await setScene(t)
  await speak({ online: true, instance: 'a', time: '2030-01-01T00:00:00Z' })
  await speaker.start()
  await eventually('the retained word', () => times.length === 1)
  const atStart = wanted.reports
  await speak({ online: true, instance: 'a', time: '2030-01-01T00:01:00Z' }, false)
  await eventually('the fresh word', () => times.length === 2)
  t.is(wanted.reports, atStart)
  await speak({ online: true, instance: 'b' }, false)
  await eventually('the new master', () => wanted.reports === atStart + 1)
  t.deepEqual(times, [
    ['2030-01-01T00:00:00Z', false],
    ['2030-01-01T00:01:00Z', true],
  ])
})

test('garbage in the name of the master is counted, and wants nothing', async t => {
  const { bus, speaker, wanted, badMessages } = await setScene(t)
  await speaker.start()
  const before = wanted.reports
  await bus.publish(topics.masterPresence, '{')
  await eventually('the count', () => Object.keys(badMessages.counts()).length === 1)
  t.is(wanted.reports, before)
})
