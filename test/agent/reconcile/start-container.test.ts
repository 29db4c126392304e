import test, { type ExecutionContext } from 'ava'
import { runStep } from '../../../agent/reconcile/execute.ts'
import { PodRecord } from '../../../agent/reconcile/pod-record.ts'
import { Turns } from '../../../agent/reconcile/turns.ts'
import type { ContainerConfig } from '../../../agent/runtime/runtime.ts'
import type { Container, PodSpec } from '../../../contract/resources/pod.ts'
import { CodedError } from '../../../kit/errors.ts'
import { spec, wishOf } from './fixtures.ts'
import { makeFakeBoard, plainRuntime } from './harness.ts'

async function setScene(t: ExecutionContext) {
  const board = await makeFakeBoard(plainRuntime({ images: ['web:1'], registry: ['web:1', 'private.example/web:1'] }))
  t.teardown(board.remove)
  const record = new PodRecord()
  const context = { record, executor: board.executor, turns: { start: new Turns(1), pull: new Turns(1) } }
  return {
    ...board,
    record,
    reasons: () => board.events.map(({ reason }) => reason),
    failure: () => record.failures.get('main'),
    /** Undefined when it could not be made. */
    async start(more: Partial<Container> = {}, podSpec: Partial<PodSpec> = {}): Promise<ContainerConfig | undefined> {
      const container = spec('main', more)
      const wish = wishOf([container], { spec: podSpec })
      await runStep({ type: 'runSandbox', attempt: 0 }, { ...context, wish, observed: [] })
      const observed = await board.runtime.listPods()
      const about = { attempt: 0, crashes: 0, sandboxId: observed[0]?.sandboxId ?? '', podIP: observed[0]?.ip }
      await runStep({ type: 'startContainer', container, ...about }, { ...context, wish, observed })
      return board.runtime.created.get('default/web/main')
    },
  }
}

const secretOf = (name: string, data: Record<string, string>) => ({
  metadata: { namespace: 'default', name, uid: 'u', resourceVersion: '1' },
  type: 'Opaque',
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
})

test('a container has the volumes of its pod beside the hosts file, or in its place', async t => {
  const scene = await setScene(t)
  const volumes = [{ name: 'conf', configMap: { name: 'x' } }]
  const config = await scene.start({ volumeMounts: [{ name: 'conf', mountPath: '/conf' }] }, { volumes })
  t.deepEqual(
    config?.mounts.map(({ containerPath }) => containerPath),
    ['/etc/hosts', '/conf'],
  )
  const own = { volumeMounts: [{ name: 'conf', mountPath: '/etc/hosts', subPath: 'hosts' }] }
  const other = await (await setScene(t)).start(own, { volumes })
  t.deepEqual(
    other?.mounts.map(({ hostPath }) => hostPath),
    ['/volumes/uid-web/conf'],
  )
})

test('volumes that cannot be made keep a container waiting, with the reason in an event', async t => {
  const scene = await setScene(t)
  scene.volumes.failure = new CodedError('NotFound', 'MountVolume.SetUp failed for volume "db" : secret "db" not found')
  t.is(await scene.start(), undefined)
  t.is(scene.failure()?.reason, 'ContainerCreating')
  t.like(scene.events.at(-1), { type: 'Warning', reason: 'FailedMount' })
  t.regex(scene.events.at(-1)?.message ?? '', /volume "db" : secret "db" not found/)
  t.true((scene.failure()?.retryAtMs ?? 0) > 0)
  scene.record.retryConfig()
  t.is(scene.failure()?.retryAtMs, 0, 'a new wish may bring it')
})

test('the environment has the Secrets that it names; its commands too', async t => {
  const scene = await setScene(t)
  scene.secrets.set('default/db', secretOf('db', { password: 'hunter2' }))
  const env = [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }]
  const config = await scene.start({ env, args: ['$(PASSWORD)'] })
  t.deepEqual(config?.env, [{ name: 'PASSWORD', value: 'hunter2' }])
  t.deepEqual(config?.args, ['hunter2'])
  t.false(JSON.stringify(scene.events).includes('hunter2'))
  t.false(JSON.stringify(config?.annotations).includes('hunter2'))
})

test('a container that is not told otherwise gains no privileges', async t => {
  const config = await (await setScene(t)).start()
  t.like(config?.security, { allowPrivilegeEscalation: false, seccomp: 'RuntimeDefault', privileged: false })
})

test('a root image is refused to who must not be root, as Kubernetes does', async t => {
  const scene = await setScene(t)
  t.is(await scene.start({}, { securityContext: { runAsNonRoot: true } }), undefined)
  t.like(scene.failure(), {
    reason: 'CreateContainerConfigError',
    message: 'container has runAsNonRoot and image will run as root',
  })
  const other = await setScene(t)
  other.runtime.imageUser = 33
  t.truthy(await other.start({}, { securityContext: { runAsNonRoot: true } }))
})

test('on a board without seccomp a container starts, and its pod is warned', async t => {
  const scene = await setScene(t)
  scene.runtime.seccomp = false
  t.truthy(await scene.start())
  t.like(
    scene.events.find(({ reason }) => reason === 'SeccompUnavailable'),
    { type: 'Warning', message: "main runs without a seccomp filter: this board's kernel has none" },
  )
  const asked = await setScene(t)
  asked.runtime.seccomp = false
  t.is(await asked.start({ securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }), undefined)
  t.is(asked.failure()?.reason, 'CreateContainerConfigError')
})

const auths = { 'private.example': { username: 'robot', password: 'hunter2' } }
const image = 'private.example/web:1'

test('an image is pulled as who the pod says', async t => {
  const scene = await setScene(t)
  scene.secrets.set('default/registry', secretOf('registry', { '.dockerconfigjson': JSON.stringify({ auths }) }))
  t.truthy(await scene.start({ image }, { imagePullSecrets: [{ name: 'registry' }] }))
  t.deepEqual(scene.runtime.pulledAs, [auths['private.example']])
  t.false(JSON.stringify(scene.events).includes('hunter2'))
})

test('without the secret of its registry an image is tried all the same, and the missing one told', async t => {
  const scene = await setScene(t)
  t.truthy(await scene.start({ image }, { imagePullSecrets: [{ name: 'registry' }, {}] }))
  t.deepEqual(scene.runtime.pulledAs, [])
  t.deepEqual(scene.reasons().slice(0, 2), ['Pulling', 'FailedToRetrieveImagePullSecret'])
})
