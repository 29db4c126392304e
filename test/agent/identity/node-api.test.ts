import test from 'ava'
import { NodeApi } from '../../../agent/identity/node-api.ts'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'

const wish = { namespace: 'default', serviceAccount: 'default', pod: { name: 'web', uid: '1' } }

test('a master that does not answer, or is away, is told of in words and not in topics', async t => {
  const clock = new FakeClock()
  const bus = new MemoryBroker().connect('node-board-1')
  const parts = { bus, topics: topicsOf('home'), username: 'system:node:board-1', nodeName: 'board-1', clock }
  const api = new NodeApi({ ...parts, random: seededRandom(1), log: silentLog })
  await api.start()
  t.teardown(() => api.stop())
  const silent = t.throwsAsync(api.token(wish), {
    code: 'Timeout',
    message: 'cannot ask the master: because it did not answer in 10 s',
  } as object)
  await clock.advance(10_000)
  await silent
  bus.cut()
  await t.throwsAsync(api.token(wish), {
    code: 'ServiceUnavailable',
    message: 'cannot ask the master: because it cannot be reached',
  } as object)
})
