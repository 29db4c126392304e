import test from 'ava'
import { FakeRuntime } from '../../../agent/runtime/fake-runtime.ts'
import { systemClock } from '../../../kit/clock.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { observe, type RuntimeHarness, runPod, testRuntimeContract } from './runtime-contract.ts'

function harnessOf(clock = systemClock): RuntimeHarness & { runtime: FakeRuntime } {
  const runtime = new FakeRuntime({ clock, images: ['box:1'], registry: ['pulled:1'] })
  const sandbox = (name: string) => ({
    ...{ namespace: 'default', name, uid: `uid-${name}`, attempt: 0, hostname: name, hostNetwork: false },
    logDirectory: `/logs/${name}`,
    cgroupParent: `/pods/${name}`,
    labels: { app: name },
    annotations: { note: 'kept' },
  })
  return { runtime, image: 'box:1', pullable: 'pulled:1', unknown: 'unknown:1', sandbox }
}

testRuntimeContract(async () => harnessOf())

test('it exits when its clock says so, and not before', async t => {
  const clock = new FakeClock()
  const harness = harnessOf(clock)
  const { ids } = await runPod(harness, 'web', { main: 'sleep 5; exit 2' })
  await clock.advance(4_999)
  t.is((await observe(harness.runtime, ids['main']!))?.state, 'running')
  await clock.advance(1)
  t.like(await observe(harness.runtime, ids['main']!), { state: 'exited', exitCode: 2, finishedAtMs: clock.now() })
})

test('a failure is given once, to the call it was meant for', async t => {
  const { runtime, sandbox } = harnessOf()
  runtime.failNext('runSandbox', new CodedError('ServiceUnavailable', 'cannot run: because containerd is away'))
  await t.throwsAsync(runtime.runSandbox(sandbox('web')), { code: 'ServiceUnavailable' })
  await t.notThrowsAsync(runtime.runSandbox(sandbox('web')))
})

test('it notes what was asked of it, by name', async t => {
  const harness = harnessOf()
  const { sandboxId, ids } = await runPod(harness, 'web', { main: 'sleep 1000' })
  await harness.runtime.stopContainer(ids['main']!, 0)
  await harness.runtime.removeSandbox(sandboxId)
  t.deepEqual(harness.runtime.calls, [
    'runSandbox default/web',
    'createContainer default/web/main',
    'startContainer default/web/main',
    'stopContainer default/web/main',
    'removeSandbox default/web',
  ])
})

test('after a power cut everything is known and nothing runs', async t => {
  const harness = harnessOf()
  await runPod(harness, 'web', { main: 'sleep 1000' })
  harness.runtime.cutPower()
  const [pod] = await harness.runtime.listPods()
  t.like(pod, { ready: false, ip: undefined })
  t.like(pod?.containers[0], { state: 'exited', exitCode: 255 })
})

test('what it lists can be changed without changing it', async t => {
  const harness = harnessOf()
  await runPod(harness, 'web', { main: 'sleep 1000' })
  const [pod] = await harness.runtime.listPods()
  pod!.labels['app'] = 'other'
  pod!.containers.length = 0
  t.like((await harness.runtime.listPods())[0], { labels: { app: 'web' } })
  t.is((await harness.runtime.listPods())[0]?.containers.length, 1)
})
