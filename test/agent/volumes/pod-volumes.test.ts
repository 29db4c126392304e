import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { PodVolumes } from '../../../agent/volumes/pod-volumes.ts'
import type { TokenWant } from '../../../agent/volumes/service-account-tokens.ts'
import { serviceAccountPath } from '../../../contract/resources/volume.ts'
import type { ConfigMapWish, PodWish, SecretContents } from '../../../contract/wire/fleet.ts'
import { CodedError } from '../../../kit/errors.ts'
import { silentLog } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import { spec, type WishOptions, wishOf } from '../reconcile/fixtures.ts'

async function setScene(t: ExecutionContext) {
  const directory = await mkdtemp('/dev/shm/fv-')
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const configMaps = new Map<string, ConfigMapWish>()
  const secrets = new Map<string, SecretContents>()
  const opened: string[] = []
  const asked: Array<{ want: TokenWant; held: string | undefined }> = []
  const forgotten: string[] = []
  const now = { token: 'token-1' as string | undefined, certificate: 'CERTIFICATE' as string | undefined }
  const open = (): PodVolumes =>
    new PodVolumes({
      ...{ memoryDirectory: join(directory, 'memory'), diskDirectory: join(directory, 'disk') },
      ...{ random: systemRandom, log: silentLog, run: () => Promise.reject(new Error('nothing is to be mounted')) },
      objects: {
        configMap: key => configMaps.get(key),
        secret: key => {
          const found = secrets.get(key)
          return found && { metadata: found.metadata, sealed: 'sealed' }
        },
        async open(key) {
          opened.push(key)
          return secrets.get(key)
        },
        rootCertificate: () => now.certificate,
      },
      tokens: {
        async find(want, held) {
          asked.push({ want, held })
          return now.token ?? held
        },
        forget: uid => forgotten.push(uid),
      },
    })
  const setSecret = (name: string, resourceVersion: string, value: string): void => {
    const metadata = { namespace: 'default', name, uid: 'uid-s', resourceVersion }
    secrets.set(`default/${name}`, { metadata, type: 'Opaque', data: { key: Buffer.from(value).toString('base64') } })
  }
  return { directory, configMaps, secrets, opened, asked, forgotten, now, open, setSecret, volumes: open() }
}

const podOf = (options: WishOptions['spec'] = {}, metadata: WishOptions['metadata'] = {}): PodWish =>
  wishOf([spec('main', { volumeMounts: [{ name: 'db', mountPath: '/db' }] })], {
    metadata,
    spec: { volumes: [{ name: 'db', secret: { secretName: 'db' } }], ...options },
  })

async function readMounted(volumes: PodVolumes, pod: PodWish, path: string): Promise<string> {
  const mounts = await volumes.mountsOf(pod, pod.spec.containers[0]!, text => text)
  const mount = mounts.find(({ containerPath }) => path.startsWith(`${containerPath}/`))
  return readFile(join(mount?.hostPath ?? '', path.slice(mount?.containerPath.length)), 'utf8')
}

test('a Secret is opened when its files are written, and not again while it is the same', async t => {
  const { volumes, opened, setSecret } = await setScene(t)
  setSecret('db', '1', 'one')
  const pod = podOf()
  await volumes.make(pod)
  t.is(await readMounted(volumes, pod, '/db/key'), 'one')
  for (const _ of [1, 2, 3]) await volumes.renew(pod)
  await volumes.make(pod)
  t.is(opened.length, 1)
  setSecret('db', '2', 'two')
  await volumes.renew(pod)
  t.is(opened.length, 2)
  t.is(await readMounted(volumes, pod, '/db/key'), 'two')
})

test('what is missing is told with the volume and the object; a running pod keeps what it has', async t => {
  const { volumes, secrets, setSecret } = await setScene(t)
  const pod = podOf()
  const error = await t.throwsAsync(volumes.make(pod), { instanceOf: CodedError })
  t.like(error, { code: 'NotFound', message: 'MountVolume.SetUp failed for volume "db" : secret "db" not found' })
  setSecret('db', '1', 'one')
  await volumes.make(pod)
  secrets.clear()
  await volumes.renew(pod)
  t.is(await readMounted(volumes, pod, '/db/key'), 'one')
})

test('an object of another namespace is not there', async t => {
  const { volumes, setSecret } = await setScene(t)
  setSecret('db', '1', 'one')
  await t.throwsAsync(volumes.make(podOf({}, { namespace: 'other' })), { message: /not found/ })
})

test('files that somebody cleared away are written again', async t => {
  const { volumes, directory, setSecret } = await setScene(t)
  setSecret('db', '1', 'one')
  const pod = podOf()
  await volumes.make(pod)
  await rm(join(directory, 'memory/uid-web'), { recursive: true })
  await volumes.make(pod)
  t.is(await readMounted(volumes, pod, '/db/key'), 'one')
})

test('a service account has its token, its namespace and the certificate of the cluster', async t => {
  const { volumes, asked, now } = await setScene(t)
  const pod = wishOf([spec()], { spec: { automountServiceAccountToken: true, serviceAccountName: 'robot' } })
  await volumes.make(pod)
  t.is(await readMounted(volumes, pod, `${serviceAccountPath}/token`), 'token-1')
  t.is(await readMounted(volumes, pod, `${serviceAccountPath}/namespace`), 'default')
  t.is(await readMounted(volumes, pod, `${serviceAccountPath}/ca.crt`), 'CERTIFICATE')
  t.like(asked[0]?.want, { namespace: 'default', serviceAccount: 'robot', pod: { name: 'web', uid: 'uid-web' } })
  now.token = 'token-2'
  now.certificate = 'ANOTHER'
  await volumes.renew(pod)
  t.is(await readMounted(volumes, pod, `${serviceAccountPath}/token`), 'token-2')
  t.is(await readMounted(volumes, pod, `${serviceAccountPath}/ca.crt`), 'ANOTHER')
})

test("a board without a certificate has none, and a user's own map of that name counts more", async t => {
  const { volumes, now, configMaps } = await setScene(t)
  now.certificate = undefined
  const pod = wishOf([spec()], { spec: { automountServiceAccountToken: true } })
  await volumes.make(pod)
  await t.throwsAsync(readMounted(volumes, pod, `${serviceAccountPath}/ca.crt`), { code: 'ENOENT' })
  const metadata = { name: 'kube-root-ca.crt', namespace: 'default' }
  configMaps.set('default/kube-root-ca.crt', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: { 'ca.crt': 'OWN' },
  })
  await volumes.renew(pod)
  t.is(await readMounted(volumes, pod, `${serviceAccountPath}/ca.crt`), 'OWN')
})

test('an agent that starts anew finds the token that its pods have, and takes it from nobody', async t => {
  const scene = await setScene(t)
  const pod = wishOf([spec()], { spec: { automountServiceAccountToken: true } })
  await scene.volumes.make(pod)
  t.is(scene.asked[0]?.held, undefined)
  scene.now.token = undefined // the master is away
  const next = scene.open()
  await next.renew(pod)
  t.is(scene.asked[1]?.held, 'token-1')
  t.is(await readMounted(next, pod, `${serviceAccountPath}/token`), 'token-1')
})

test('all of it goes with the pod, and nothing of another', async t => {
  const { volumes, directory, forgotten, setSecret } = await setScene(t)
  setSecret('db', '1', 'one')
  await volumes.make(podOf())
  await volumes.make(podOf({}, { uid: 'uid-other' }))
  t.deepEqual((await volumes.list()).sort(), ['uid-other', 'uid-web'])
  for (const _ of [1, 2]) await volumes.remove('uid-web')
  t.deepEqual(await readdir(join(directory, 'memory')), ['uid-other'])
  t.deepEqual(forgotten, ['uid-web', 'uid-web'])
})

test('a board that has just booted has nothing', async t => {
  t.deepEqual(await (await setScene(t)).volumes.list(), [])
})

test('containers that start side by side find one set of files', async t => {
  const { volumes, opened, setSecret } = await setScene(t)
  setSecret('db', '1', 'one')
  const pod = podOf()
  await Promise.all([volumes.make(pod), volumes.make(pod), volumes.renew(pod)])
  t.is(opened.length, 1)
})

test('one that cannot be made does not stand in the way of the next try', async t => {
  const { volumes, setSecret } = await setScene(t)
  const pod = podOf()
  const first = volumes.make(pod)
  const second = volumes.make(pod)
  await t.throwsAsync(first)
  await t.throwsAsync(second)
  setSecret('db', '1', 'one')
  await volumes.make(pod)
  t.is(await readMounted(volumes, pod, '/db/key'), 'one')
})
