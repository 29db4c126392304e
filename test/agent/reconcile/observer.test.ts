import test from 'ava'
import { Observer } from '../../../agent/reconcile/observer.ts'
import { FakeRuntime } from '../../../agent/runtime/fake-runtime.ts'
import type { ObservedPod } from '../../../agent/runtime/runtime.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { sandbox } from './fixtures.ts'

/** A runtime whose listings take until the test lets them end. */
class SlowRuntime extends FakeRuntime {
  pods: ObservedPod[] = []
  readonly listings: Array<{ finish: () => void; fail: (error: Error) => void }> = []
  underWay = 0
  most = 0

  constructor() {
    super({ clock: new FakeClock() })
  }

  override async listPods(): Promise<ObservedPod[]> {
    const seen = [...this.pods]
    this.most = Math.max(this.most, ++this.underWay)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.listings.push({ finish: resolve, fail: reject })
    try {
      await promise
    } finally {
      this.underWay--
    }
    return seen
  }
}

const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('those who ask at once share one listing', async t => {
  const runtime = new SlowRuntime()
  const observer = new Observer(runtime)
  const asked = [observer.observe(), observer.observe(), observer.observe()]
  await settle()
  runtime.listings[0]?.finish()
  const [first, ...others] = await Promise.all(asked)
  for (const other of others) t.is(other, first!)
  t.is(runtime.listings.length, 1)
})

test('who asks during a listing gets the next one, which sees what was done before the question', async t => {
  const runtime = new SlowRuntime()
  const observer = new Observer(runtime)
  const early = observer.observe()
  await settle()
  runtime.pods = [sandbox()]
  const late = [observer.observe(), observer.observe()]
  await settle()
  t.is(runtime.listings.length, 1, 'never two at once')
  runtime.listings[0]?.finish()
  t.is((await early).size, 0)
  await settle()
  runtime.listings[1]?.finish()
  for (const observation of await Promise.all(late)) t.is(observation.get('uid-web')?.length, 1)
  t.is(runtime.listings.length, 2)
  t.is(runtime.most, 1)
})

test('a listing that fails is told to those who shared it, and the next one is asked anew', async t => {
  const runtime = new SlowRuntime()
  const observer = new Observer(runtime)
  const failing = [observer.observe(), observer.observe()]
  await settle()
  const later = observer.observe()
  runtime.listings[0]?.fail(new Error('the runtime is away'))
  for (const asked of failing) await t.throwsAsync(asked, { message: /away/ })
  await settle()
  runtime.listings[1]?.finish()
  t.is((await later).size, 0)
})

test('all sandboxes of a pod come together', async t => {
  const runtime = new SlowRuntime()
  runtime.pods = [sandbox(), sandbox([], { uid: 'other' }), sandbox([], { attempt: 1 })]
  const asked = new Observer(runtime).observe()
  await settle()
  runtime.listings[0]?.finish()
  const observation = await asked
  t.deepEqual(
    observation.get('uid-web')?.map(({ attempt }) => attempt),
    [0, 1],
  )
  t.is(observation.get('other')?.length, 1)
})
