import test from 'ava'
import type { KubernetesObject } from '../../../contract/resources/meta.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { createLog, silentLog } from '../../../kit/log.ts'
import { seededRandom } from '../../../kit/random.ts'
import { type Controller, ControllerRunner } from '../../../master/controllers/controller.ts'
import { NodeReach } from '../../../master/controllers/node-reach.ts'
import { Writer } from '../../../master/controllers/writer.ts'
import { Cache } from '../../../master/store/cache.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { kindOf, Objects } from '../../../master/store/objects.ts'

const configMap = (name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
})

async function openRoom() {
  const [store, clock] = [new MemoryStore(), new FakeClock()]
  const objects = new Objects({ store, clock, random: seededRandom(3) })
  const cache = new Cache({ store, clock, log: silentLog })
  await cache.start()
  return { store, clock, objects, cache }
}

function recorder(reconcile: Controller['reconcile'], rest: Partial<Controller> = {}): Controller {
  return { name: 'test', keysOf: ({ object }) => [object.metadata.name], reconcile, ...rest }
}

test('what was there before the start is looked at too', async t => {
  const room = await openRoom()
  const seen: string[] = []
  const controller = recorder(async key => void seen.push(key) as undefined)
  await new Writer(room).create(configMap('early'))
  const runner = new ControllerRunner(controller, { ...room, log: silentLog })
  runner.start()
  await new Writer(room).create(configMap('late'))
  await runner.idle()
  t.deepEqual(seen, ['early', 'late'])
  await runner.stop()
})

test('a key comes again after the time that its reconciliation asked for', async t => {
  const room = await openRoom()
  const times: number[] = []
  const look = async () => {
    times.push(room.clock.monotonic())
    return times.length < 3 ? 100 : undefined
  }
  const runner = new ControllerRunner(recorder(look), { ...room, log: silentLog })
  runner.start()
  await new Writer(room).create(configMap('a'))
  await room.clock.advance(1000)
  t.deepEqual(times, [0, 100, 200])
  await runner.stop()
})

test('a lost race is tried again quietly, anything else is said', async t => {
  const room = await openRoom()
  const lines: string[] = []
  const errors = [new CodedError('Conflict', 'cannot write: because it changed'), new Error('the disk is full')]
  const attempt = async () => {
    const error = errors.shift()
    if (error) throw error
    return undefined
  }
  const log = createLog({ level: 'warn', write: line => lines.push(line) })
  const runner = new ControllerRunner(recorder(attempt), { ...room, log })
  runner.start()
  await new Writer(room).create(configMap('a'))
  await room.clock.advance(1000)
  t.is(errors.length, 0)
  t.is(lines.length, 1)
  t.regex(lines[0] ?? '', /the disk is full/)
  await runner.stop()
})

test('after its stop a controller hears of nothing', async t => {
  const room = await openRoom()
  const seen: string[] = []
  let isListening = false
  const controller = recorder(async key => void seen.push(key) as undefined, {
    listen: () => {
      isListening = true
      return () => {
        isListening = false
      }
    },
  })
  const runner = new ControllerRunner(controller, { ...room, log: silentLog })
  runner.start()
  t.true(isListening)
  await runner.stop()
  t.false(isListening)
  await new Writer(room).create(configMap('a'))
  t.deepEqual(seen, [])
})

test('a write is in the cache when it resolves', async t => {
  const { cache, ...room } = await openRoom()
  const writer = new Writer({ cache, ...room })
  const created = await writer.create(configMap('a'))
  const kind = kindOf(created)
  t.is(cache.get(kind, 'default', 'a')?.metadata.resourceVersion, created.metadata.resourceVersion)
  const [b, c] = await Promise.all(['b', 'c'].map(name => writer.create(configMap(name))))
  await writer.replaceAll([b!, c!].map(object => Object.assign({}, object, { data: { x: 'y' } })))
  t.deepEqual(
    ['b', 'c'].map(name => cache.get(kind, 'default', name)?.metadata.generation),
    [2, 2],
  )
  await writer.delete(created)
  t.is(cache.get(kind, 'default', 'a'), undefined)
})

test('a node is lost when that was said, or when a grace has passed in silence', async t => {
  const clock = new FakeClock()
  let tell: (node: string, reachable: boolean, why: string) => void = () => undefined
  const reachable = new Set(['heard'])
  const health = {
    isReachable: (node: string) => reachable.has(node),
    onChange: (handler: typeof tell) => {
      tell = handler
      return () => undefined
    },
  }
  const reach = new NodeReach({ health, clock, startGraceMs: 1000 })
  reach.start()
  t.deepEqual(reach.of('heard'), { state: 'reachable' })
  t.deepEqual(reach.of('silent'), { state: 'unheard', graceLeftMs: 1000 })
  reachable.delete('heard')
  tell('heard', false, 'its plug was pulled')
  t.deepEqual(reach.of('heard'), { state: 'lost', why: 'its plug was pulled' })
  await clock.advance(1000)
  t.true(reach.isLost('silent'))
})
