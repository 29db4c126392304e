import { mkdir, readdir } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { Reconciler } from '../../../agent/reconcile/reconciler.ts'
import { FakeRuntime } from '../../../agent/runtime/fake-runtime.ts'
import type { ObservedContainer } from '../../../agent/runtime/runtime.ts'
import type { PodReport, PodWish } from '../../../contract/wire/fleet.ts'
import { CodedError } from '../../../kit/errors.ts'
import { silentLog } from '../../../kit/log.ts'
import { eventually } from '../../kit/eventually.ts'
import { minute, second, spec, wishOf } from './fixtures.ts'
import { type FakeBoard, makeFakeBoard, plainRuntime } from './harness.ts'

interface Scene extends FakeBoard<FakeRuntime> {
  reconciler: Reconciler
  reports: Map<string, PodReport>
  wish(...pods: PodWish[]): void
  containers(): Promise<ObservedContainer[]>
  /** Lets time pass, in small steps, until it holds. */
  until(what: string, holds: () => unknown, stepMs?: number): Promise<void>
}

async function setScene(t: ExecutionContext, make = plainRuntime({ images: ['web:1', 'web:2'] })): Promise<Scene> {
  const board = await makeFakeBoard(make)
  const { clock, executor, runtime } = board
  const reports = new Map<string, PodReport>()
  const onReport = (uid: string, report: PodReport): void => void reports.set(uid, report)
  const reconciler = new Reconciler({ executor, clock, log: silentLog, hostIP: () => '192.168.0.9', onReport })
  reconciler.start()
  t.teardown(async () => {
    await reconciler.stop()
    await board.remove()
  })
  return {
    ...{ ...board, reconciler, reports },
    wish: (...pods) => reconciler.setWish(new Map(pods.map(pod => [pod.metadata.uid ?? '', pod]))),
    containers: async () => (await runtime.listPods()).flatMap(pod => pod.containers),
    until: async (what, holds, stepMs = 100) => {
      await eventually(what, async () => {
        await clock.advance(stepMs)
        return holds()
      })
    },
  }
}

const podOf = (name: string, image = 'web:1', more: Parameters<typeof wishOf>[1] = {}): PodWish =>
  wishOf([spec('main', { image, command: ['sh', '-c', 'trap "exit 0" TERM; sleep 1000'] })], {
    metadata: { name, uid: `uid-${name}`, ...more.metadata },
    spec: more.spec ?? {},
  })
const deleting = (pod: PodWish): PodWish => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
})
const isRunning = (scene: Scene, name: string) => (): boolean =>
  scene.reports.get(`uid-${name}`)?.status?.phase === 'Running'

test('a wish becomes running pods, each with a report that says so', async t => {
  const scene = await setScene(t)
  scene.wish(podOf('a'), podOf('b'))
  await scene.until('both run', () => isRunning(scene, 'a')() && isRunning(scene, 'b')())
  const report = scene.reports.get('uid-a')
  t.like(report, { namespace: 'default', name: 'a', status: { hostIP: '192.168.0.9' } })
  t.truthy(report?.status?.podIP)
})

test('before the first wish nothing is taken for unwanted; after it, what is not in it goes', async t => {
  const first = await setScene(t)
  first.wish(podOf('a'))
  await first.until('it runs', isRunning(first, 'a'))
  await first.reconciler.stop()
  const { clock, executor } = first
  const next = new Reconciler({ executor, clock, log: silentLog, hostIP: () => undefined, onReport: () => undefined })
  t.teardown(() => next.stop())
  next.start()
  await clock.advance(5 * minute)
  t.is((await first.containers())[0]?.state, 'running')
  next.setWish(new Map())
  await first.until('it is gone', async () => (await first.runtime.listPods()).length === 0)
})

test('a deleted pod is reported gone when no trace of it is left, its files included', async t => {
  const scene = await setScene(t)
  const [kept, removed] = [podOf('kept'), podOf('removed')]
  scene.wish(kept, removed)
  await scene.until('both run', () => isRunning(scene, 'kept')() && isRunning(scene, 'removed')())
  scene.wish(kept, deleting(removed))
  await scene.until('it is gone', () => scene.reports.get('uid-removed')?.gone)
  t.deepEqual(
    (await scene.runtime.listPods()).map(({ name }) => name),
    ['kept'],
  )
  t.deepEqual(await readdir(scene.paths.podFiles), ['uid-kept'])
  t.deepEqual(await readdir(scene.paths.podLogs), ['default_kept_uid-kept'])
  t.deepEqual([...scene.runtime.cgroups], ['/flotilla/poduid-kept'])
})

test('what an agent before this one left behind of a pod that is gone is removed, and nothing of others', async t => {
  const scene = await setScene(t)
  const { podFiles, podLogs } = scene.executor.paths
  await mkdir(`${podFiles}/uid-gone`, { recursive: true })
  for (const name of ['default_gone_uid-gone', 'default_foreign_uid-foreign'])
    await mkdir(`${podLogs}/${name}`, { recursive: true })
  scene.runtime.cgroups.add('/flotilla/poduid-gone').add('/flotilla/foreign')
  scene.wish(podOf('a'))
  await scene.until('the pod', isRunning(scene, 'a'))
  await scene.until('the leftovers gone', async () => !(await readdir(podFiles)).includes('uid-gone'))
  t.deepEqual((await readdir(podLogs)).sort(), ['default_a_uid-a', 'default_foreign_uid-foreign'])
  t.deepEqual([...scene.runtime.cgroups].sort(), ['/flotilla/foreign', '/flotilla/poduid-a'])
})

test('a container that ends is started again at once, and the end is seen without waiting for the next listing', async t => {
  const scene = await setScene(t)
  scene.wish(podOf('a'))
  await scene.until('it runs', isRunning(scene, 'a'))
  const before = scene.clock.monotonic()
  scene.runtime.exit((await scene.containers())[0]!.id, 1)
  await scene.until('it runs again', async () => (await scene.containers()).some(({ attempt }) => attempt === 1))
  t.true(scene.clock.monotonic() - before <= 2 * second)
})

test('a container that ends at once is started ever more rarely', async t => {
  const scene = await setScene(t)
  scene.wish(wishOf([spec('main', { command: ['sh', '-c', 'exit 1'] })], { metadata: { uid: 'uid-a', name: 'a' } }))
  const starts: number[] = []
  for (let attempt = 0; attempt < 5; attempt++) {
    await scene.until(
      `attempt ${attempt}`,
      async () => (await scene.containers()).some(one => one.attempt === attempt),
      second,
    )
    starts.push(scene.clock.monotonic())
  }
  const waits = starts.slice(1).map((start, index) => start - (starts[index] ?? 0))
  for (const [index, atLeast] of [0, 10, 20, 40].entries()) {
    const wait = waits[index] ?? 0
    t.true(wait >= (atLeast - 1) * second && wait <= (atLeast + 20) * second, `${waits}`)
  }
  t.is(scene.reports.get('uid-a')?.status?.containerStatuses?.[0]?.restartCount, 4)
})

test('a start that waits for its ConfigMap goes on with the wish that brings it', async t => {
  const scene = await setScene(t)
  const pod = wishOf([spec('main', { envFrom: [{ configMapRef: { name: 'late' } }] })], { metadata: { uid: 'uid-a' } })
  scene.wish(pod)
  const waiting = (): string | undefined =>
    scene.reports.get('uid-a')?.status?.containerStatuses?.[0]?.state?.waiting?.reason
  await scene.until('it waits', () => waiting() === 'CreateContainerConfigError')
  // Long enough that the back-off is at its longest.
  for (let round = 0; round < 40; round++) await scene.clock.advance(30 * second)
  scene.configMaps.set('default/late', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' }, data: {} })
  const before = scene.clock.monotonic()
  scene.wish(pod)
  await scene.until('it runs', isRunning(scene, 'a'))
  t.true(scene.clock.monotonic() - before < 10 * second)
})

test('what failed for want of a network is tried at once when told that the network is there', async t => {
  const scene = await setScene(t)
  for (let failures = 0; failures < 8; failures++) scene.runtime.failNext('runSandbox', new Error('no network'))
  scene.wish(podOf('a'))
  await scene.until('it has failed eight times', () => scene.events.length >= 8, second)
  const before = scene.clock.monotonic()
  scene.reconciler.retryFailed()
  await scene.until('it runs', isRunning(scene, 'a'))
  t.true(scene.clock.monotonic() - before < 5 * second)
})

/** Stopping takes as long as the test wants. */
class DeafRuntime extends FakeRuntime {
  readonly stopped = Promise.withResolvers<void>()

  override async stopContainer(containerId: string, graceSeconds: number): Promise<void> {
    await this.stopped.promise
    await super.stopContainer(containerId, graceSeconds)
  }
}

test('pods that are slow to stop keep no other pod from starting', async t => {
  const runtime: { made?: DeafRuntime } = {}
  const scene = await setScene(t, clock => (runtime.made = new DeafRuntime({ clock, images: ['web:1'] })))
  const slow = Array.from({ length: 20 }, (_, index) => podOf(`slow-${index}`))
  scene.wish(...slow)
  await scene.until('all run', () => slow.every(({ metadata: { name } }) => isRunning(scene, name)()))
  scene.wish(...slow.map(deleting), podOf('new'))
  await scene.until('the new one runs', isRunning(scene, 'new'))
  t.is((await scene.runtime.listPods()).length, 21)
  runtime.made?.stopped.resolve()
  await scene.until('the others are gone', async () => (await scene.runtime.listPods()).length === 1)
})

test('a runtime that is away for a while stops nothing and loses nothing', async t => {
  const scene = await setScene(t)
  scene.wish(podOf('a'))
  await scene.until('it runs', isRunning(scene, 'a'))
  const [before] = await scene.containers()
  for (let failures = 0; failures < 10; failures++) {
    scene.runtime.failNext('listPods', new CodedError('ServiceUnavailable', 'cannot list: because it is away'))
  }
  scene.wish(podOf('a'), podOf('b'))
  await scene.until('the other runs', isRunning(scene, 'b'), second)
  t.deepEqual(
    (await scene.containers()).find(({ id }) => id === before?.id),
    before,
  )
})

test('the files of what runs are renewed with each wish, and with what is told to have come', async t => {
  const scene = await setScene(t)
  const { renewed, made } = scene.volumes
  scene.wish(podOf('a'))
  await scene.until('it runs', isRunning(scene, 'a'))
  t.true(made.has('uid-a'))
  for (const poke of [() => scene.wish(podOf('a')), () => scene.reconciler.look('uid-a')]) {
    const before = renewed.length
    poke()
    await scene.until('they are renewed', () => renewed.length > before)
  }
  t.deepEqual([...new Set(renewed)], ['uid-a'])
})

test('the files and tokens of a pod go when its containers have ended for good', async t => {
  const scene = await setScene(t)
  const once = wishOf([spec('main', { image: 'web:1', command: ['sh', '-c', 'exit 0'] })], {
    spec: { restartPolicy: 'Never' },
  })
  scene.wish(once)
  await scene.until('it ends', () => scene.reports.get('uid-web')?.status?.phase === 'Succeeded')
  await scene.until('they are gone', () => scene.volumes.made.size === 0)
  t.is((await scene.containers()).length, 1, 'the container stays, for its log and its state')
})

test('files in memory of a pod that nobody knows of any more are removed', async t => {
  const scene = await setScene(t)
  scene.volumes.made.add('uid-lost')
  scene.wish()
  await scene.until('they are gone', () => scene.volumes.made.size === 0, second)
  t.deepEqual(await scene.volumes.list(), [])
})
