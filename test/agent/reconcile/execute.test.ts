import { readdir, readFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { runStep } from '../../../agent/reconcile/execute.ts'
import { listPodFiles, removePodFiles } from '../../../agent/reconcile/pod-files.ts'
import { PodRecord } from '../../../agent/reconcile/pod-record.ts'
import type { Step } from '../../../agent/reconcile/steps.ts'
import { Turns } from '../../../agent/reconcile/turns.ts'
import type { FakeRuntime } from '../../../agent/runtime/fake-runtime.ts'
import type { ObservedContainer } from '../../../agent/runtime/runtime.ts'
import type { Container } from '../../../contract/resources/pod.ts'
import { CodedError, type ErrorCode } from '../../../kit/errors.ts'
import { minute, second, spec, wishOf } from './fixtures.ts'
import { type FakeBoard, makeFakeBoard, plainRuntime } from './harness.ts'

interface Scene extends FakeBoard<FakeRuntime> {
  record: PodRecord
  run(step: Step): Promise<void>
  /** Starts `container` in a sandbox made for it. */
  start(container: Partial<Container>): Promise<void>
  container(): Promise<ObservedContainer | undefined>
  reasons(): string[]
}

async function setScene(t: ExecutionContext, images: { images?: string[]; registry?: string[] } = {}): Promise<Scene> {
  const board = await makeFakeBoard(plainRuntime(images))
  t.teardown(board.remove)
  const record = new PodRecord()
  const turns = { start: new Turns(1), pull: new Turns(1) }
  const run = async (step: Step, wish = wishOf()): Promise<void> =>
    runStep(step, { wish, observed: await board.runtime.listPods(), record, executor: board.executor, turns })
  return {
    ...{ ...board, record, run },
    async start(more) {
      const container = spec('main', more)
      const wish = wishOf([container])
      if ((await board.runtime.listPods()).length === 0) await run({ type: 'runSandbox', attempt: 0 }, wish)
      const [sandbox] = await board.runtime.listPods()
      const about = { attempt: 0, crashes: 0, sandboxId: sandbox?.sandboxId ?? '', podIP: sandbox?.ip }
      await run({ type: 'startContainer', container, ...about }, wish)
    },
    container: async () => (await board.runtime.listPods())[0]?.containers[0],
    reasons: () => board.events.map(({ reason }) => reason),
  }
}

const down = (code: ErrorCode): CodedError => new CodedError(code, 'cannot pull: because nobody answers')
const pulls = ({ runtime }: Scene): number => runtime.calls.filter(call => call.startsWith('pullImage')).length

test('a container starts with its own files on the board, and tells each step of it', async t => {
  const scene = await setScene(t, { images: ['web:1'] })
  await scene.start({ command: ['serve'] })
  t.is((await scene.container())?.state, 'running')
  t.deepEqual(scene.reasons(), ['Created', 'Started'])
  t.like(scene.events[0], { type: 'Normal', pod: { namespace: 'default', name: 'web', uid: 'uid-web' } })
  const ip = (await scene.runtime.listPods())[0]?.ip
  t.true((await readFile(`${scene.paths.podFiles}/uid-web/hosts`, 'utf8')).includes(`${ip}\tweb`))
  t.deepEqual(await readdir(`${scene.paths.podLogs}/default_web_uid-web`), ['main'])
})

for (const [policy, has, pulled] of [
  ['IfNotPresent', 'the image', 0],
  ['IfNotPresent', 'nothing', 1],
  ['Always', 'the image', 1],
  ['Always', 'nothing', 1],
  ['Never', 'the image', 0],
  [undefined, 'the image', 0],
  [undefined, 'nothing', 1],
] as const) {
  test(`imagePullPolicy ${policy ?? '(none)'}, and the board has ${has}: ${pulled} pulls`, async t => {
    const scene = await setScene(t, { images: has === 'nothing' ? [] : ['web:1'], registry: ['web:1'] })
    await scene.start(policy ? { imagePullPolicy: policy } : {})
    t.is((await scene.container())?.state, 'running')
    t.is(pulls(scene), pulled)
    t.deepEqual(scene.reasons(), [...(pulled ? ['Pulling', 'Pulled'] : []), 'Created', 'Started'])
  })
}

test('imagePullPolicy Never, and the board has nothing: no pull, no container, and the reason', async t => {
  const scene = await setScene(t, { registry: ['web:1'] })
  await scene.start({ imagePullPolicy: 'Never' })
  t.is(await scene.container(), undefined)
  t.is(pulls(scene), 0)
  t.regex(scene.record.failures.get('main')?.message ?? '', /Never/)
})

for (const code of ['ServiceUnavailable', 'Timeout'] as const) {
  test(`with a registry that answers ${code}, Always takes the copy on the board and says so`, async t => {
    const scene = await setScene(t, { images: ['web:1'], registry: ['web:1'] })
    scene.runtime.failNext('pullImage', down(code))
    await scene.start({ imagePullPolicy: 'Always' })
    t.is((await scene.container())?.state, 'running')
    t.deepEqual(scene.reasons(), ['Pulling', 'PullFailed', 'Created', 'Started'])
    t.is(scene.record.failures.size, 0)
  })
}

for (const code of ['Unauthorized', 'NotFound'] as const) {
  test(`with a registry that answers ${code}, Always does not take the copy on the board`, async t => {
    const scene = await setScene(t, { images: ['web:1'], registry: ['web:1'] })
    scene.runtime.failNext('pullImage', down(code))
    await scene.start({ imagePullPolicy: 'Always' })
    t.is(await scene.container(), undefined)
    t.is(scene.record.failures.get('main')?.reason, 'ErrImagePull')
  })
}

test('with no copy and no registry there is no container', async t => {
  const scene = await setScene(t, { registry: ['web:1'] })
  scene.runtime.failNext('pullImage', down('ServiceUnavailable'))
  await scene.start({})
  t.is(scene.record.failures.get('main')?.reason, 'ErrImagePull')
  t.like(scene.events.at(-1), { type: 'Warning', reason: 'Failed' })
})

for (const [reason, prepare, container] of [
  ['CreateContainerConfigError', () => undefined, { envFrom: [{ configMapRef: { name: 'absent' } }] }],
  ['ErrImagePull', ({ runtime }: Scene) => runtime.images.clear(), {}],
  ['CreateContainerError', ({ runtime }: Scene) => runtime.failNext('createContainer', down('InternalError')), {}],
  ['RunContainerError', ({ runtime }: Scene) => runtime.failNext('startContainer', down('InternalError')), {}],
] as Array<[string, (scene: Scene) => void, Partial<Container>]>) {
  test(`a start that fails is remembered with what failed: ${reason}`, async t => {
    const scene = await setScene(t, { images: ['web:1'] })
    prepare(scene)
    await scene.start(container)
    t.is(scene.record.failures.get('main')?.reason, reason)
    t.like(scene.events.at(-1), { type: 'Warning', reason: 'Failed' })
  })
}

test('failures in a row wait twice as long each time, up to five minutes; a start forgets them', async t => {
  const scene = await setScene(t)
  const waits: number[] = []
  for (let failures = 0; failures < 7; failures++) {
    await scene.clock.advance(minute)
    await scene.start({})
    waits.push((scene.record.failures.get('main')?.retryAtMs ?? 0) - scene.clock.monotonic())
  }
  t.deepEqual(
    waits,
    [10, 20, 40, 80, 160, 300, 300].map(seconds => seconds * second),
  )
  scene.runtime.images.add('web:1')
  await scene.start({})
  t.is(scene.record.failures.size, 0)
})

test('each container of a pod waits for itself', t => {
  const record = new PodRecord()
  for (let failures = 0; failures < 3; failures++) record.fail('main', { reason: 'x', message: '', nowMs: 0 })
  t.is(record.fail('side', { reason: 'x', message: '', nowMs: 0 }).retryAtMs, 10 * second)
})

test('a sandbox that cannot be made is an error, a warning and a reason; the next one counts on', async t => {
  const scene = await setScene(t)
  scene.runtime.failNext('runSandbox', new Error('no addresses left'))
  await t.throwsAsync(scene.run({ type: 'runSandbox', attempt: 0 }), { message: /no addresses left/ })
  t.deepEqual(scene.reasons(), ['FailedCreatePodSandBox'])
  t.regex(scene.record.sandboxFailure ?? '', /no addresses left/)
  t.is(scene.record.sandboxAttempts, 1)
  await scene.run({ type: 'runSandbox', attempt: 1 })
  t.is(scene.record.sandboxFailure, undefined)
  t.is((await scene.runtime.listPods())[0]?.attempt, 1)
})

test('stopping says whom and why, and gives the time that it was given', async t => {
  const scene = await setScene(t, { images: ['web:1'] })
  await scene.start({ command: ['sh', '-c', 'trap "exit 4" TERM; sleep 1000'] })
  const { id: containerId = '' } = (await scene.container()) ?? {}
  await scene.run({ type: 'stopContainer', containerId, graceSeconds: 9, why: 'its definition changed' })
  t.like(await scene.container(), { state: 'exited', exitCode: 4 })
  t.is(scene.events.at(-1)?.reason, 'Killing')
  t.regex(scene.events.at(-1)?.message ?? '', /main.*definition changed/)
})

test('a container is removed; a sandbox is stopped, then removed with what is in it', async t => {
  const scene = await setScene(t, { images: ['web:1'] })
  await scene.start({})
  const [{ sandboxId = '' } = {}] = await scene.runtime.listPods()
  await scene.run({ type: 'stopSandbox', sandboxId })
  t.like(await scene.container(), { state: 'exited' })
  const { id: containerId = '' } = (await scene.container()) ?? {}
  await scene.run({ type: 'removeContainer', containerId })
  t.is(await scene.container(), undefined)
  await scene.run({ type: 'removeSandbox', sandboxId })
  t.deepEqual(await scene.runtime.listPods(), [])
})

test('no file of a pod outlives it, and no other pod loses one', async t => {
  const scene = await setScene(t, { images: ['web:1'] })
  await scene.start({})
  const other = wishOf([spec()], { metadata: { name: 'other', uid: 'uid-other' } })
  const turns = { start: new Turns(1), pull: new Turns(1) }
  const context = { wish: other, observed: [], record: new PodRecord(), executor: scene.executor, turns }
  await runStep({ type: 'runSandbox', attempt: 0 }, context)
  t.deepEqual((await listPodFiles(scene.executor)).sort(), ['uid-other', 'uid-web'])
  await removePodFiles(scene.executor, 'uid-web')
  t.deepEqual(await listPodFiles(scene.executor), ['uid-other'])
  t.deepEqual(await readdir(scene.paths.podLogs), ['default_other_uid-other'])
})
