import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import type { PodStatus } from '../../../contract/resources/pod.ts'
import { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import { eventually } from '../../kit/eventually.ts'
import { type BoardHarness, connectTo, useBoard } from '../runtime/harness.ts'
import { Master, makeMemoryDirectory, removeMemoryDirectory, startAgent, type VolumeAgent } from './board.ts'

const start = useBoard(test, 'volumes')
const planted = 'PLANTED-hunter2-d41d8cd9'

interface Scene {
  harness: BoardHarness
  master: Master
  agent: VolumeAgent
  memory: string
  data: string
  token: { value: string | undefined }
  restart(): Promise<VolumeAgent>
  statusOf(pod: string): PodStatus | undefined
  running(pod: string): Promise<unknown>
  /** What a command prints in the pod's container. */
  sh(pod: string, script: string): Promise<string>
}

async function setScene(t: ExecutionContext): Promise<Scene | undefined> {
  const harness = await start(t)
  if (!harness) return undefined
  const memory = await makeMemoryDirectory()
  t.teardown(() => removeMemoryDirectory(memory))
  const { board } = harness
  // Each test is a cluster of its own on the board: an agent ends the pods that its wish does not know.
  const cluster = String(memory.split('-').at(-1)).toLowerCase()
  const runtime = connectTo(board, { cluster })
  const data = join(board.directory, 'data', cluster)
  const broker = new MemoryBroker()
  const master = new Master(broker)
  const token = { value: 'token-1' as string | undefined }
  const open = () => startAgent({ board, runtime, memory, data }, { broker, master, token: () => token.value })
  const scene = { agent: await open() }
  t.teardown(async () => {
    master.documents.clear()
    await master.publish()
    await eventually('the end of the pods', async () => (await runtime.listPods()).length === 0)
    await scene.agent.stop()
    await runtime.close()
  })
  const statusOf = (pod: string): PodStatus | undefined => scene.agent.reports.get(pod)?.status
  return {
    ...{ harness, master, memory, data, token, statusOf },
    get agent() {
      return scene.agent
    },
    async restart() {
      await scene.agent.stop()
      scene.agent = await open()
      return scene.agent
    },
    running: pod => eventually(`${pod} runs`, () => statusOf(pod)?.phase === 'Running', 30_000),
    async sh(pod, script) {
      const of = (await runtime.listPods()).find(({ uid, ready }) => uid === `uid-${pod}` && ready)
      const container = of?.containers.find(({ state }) => state === 'running')
      const session = await runtime.exec(container?.id ?? '', {
        command: ['sh', '-c', `{ ${script}; } 2>&1`],
        stdin: false,
        tty: false,
      })
      const output = await text(session.stdio)
      await session.exit
      return output.trim()
    },
  }
}

const onBoard = (title: string, proof: (t: ExecutionContext, scene: Scene) => Promise<void>): void =>
  test(title, async t => {
    const scene = await setScene(t)
    if (scene) await proof(t, scene)
  })

onBoard(
  'a Secret is a file in memory that its container reads and nobody writes, and that a change reaches',
  async (t, scene) => {
    const { master, sh } = scene
    await master.setSecret('db', { password: planted, user: 'admin' })
    const volumes = [{ name: 'db', secret: { secretName: 'db', defaultMode: 0o444 } }]
    master.setPod('files', { volumeMounts: [{ name: 'db', mountPath: '/etc/db' }] }, { volumes })
    await master.publish()
    await scene.running('files')
    t.is(await sh('files', 'cat /etc/db/password'), planted)
    t.is(await sh('files', 'ls /etc/db'), 'password\nuser')
    t.regex(await sh('files', 'grep " /etc/db " /proc/self/mounts'), / tmpfs ro,/)
    t.regex(await sh('files', 'echo x > /etc/db/new'), /Read-only file system/)
    t.regex(await sh('files', 'ls -lL /etc/db/password'), /^-r--r--r--/)

    await master.setSecret('db', { password: 'next', host: 'db.local' })
    await master.publish()
    await eventually('the new file', async () => (await sh('files', 'cat /etc/db/password')) === 'next')
    t.is(await sh('files', 'ls /etc/db'), 'host\npassword')
    t.is(scene.statusOf('files')?.containerStatuses?.[0]?.restartCount, 0)
  },
)

onBoard(
  'files come from all the sources of a projected volume, where and as readable as they are asked for',
  async (t, scene) => {
    const { master, sh } = scene
    await master.setSecret('db', { password: planted })
    master.setConfigMap('settings', { color: 'blue' })
    const sources = [
      { secret: { name: 'db', items: [{ key: 'password', path: 'deep/er/password', mode: 0o400 }] } },
      { configMap: { name: 'settings' } },
      { configMap: { name: 'absent', optional: true } },
      { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      { serviceAccountToken: { path: 'token', audience: 'vault' } },
    ]
    const mounts = [
      { name: 'all', mountPath: '/all' },
      { name: 'all', mountPath: '/srv/color.txt', subPath: 'color' },
    ]
    const spec = {
      volumes: [{ name: 'all', projected: { sources, defaultMode: 0o400 } }],
      securityContext: { fsGroup: 4321 },
    }
    master.setPod('projected', { volumeMounts: mounts }, spec)
    await master.publish()
    await scene.running('projected')
    t.is(await sh('projected', 'cat /all/deep/er/password'), planted)
    t.is(await sh('projected', 'cat /all/color /all/labels /all/token'), 'blueapp="projected"token-1')
    t.is(await sh('projected', 'cat /srv/color.txt'), 'blue')
    t.regex(await sh('projected', 'ls -lnL /all/color'), /^-r--r-----\s+1 0\s+4321 /)
    t.regex(await sh('projected', 'id -G'), /\b4321\b/)
    t.regex(await sh('projected', 'grep NoNewPrivs /proc/self/status'), /1$/)

    master.setConfigMap('settings', { color: 'green' })
    scene.token.value = 'token-2'
    await master.publish()
    await eventually(
      'the new files',
      async () => (await sh('projected', 'cat /all/color /all/token')) === 'greentoken-2',
    )
    t.is(await sh('projected', 'cat /srv/color.txt'), 'blue', 'a subPath is not renewed')
  },
)

onBoard(
  'a pod finds who it is where Kubernetes puts it; without a master it starts all the same, and finds it later',
  async (t, scene) => {
    const { master, sh, token } = scene
    token.value = undefined
    master.setPod('account', {}, { automountServiceAccountToken: true, serviceAccountName: 'robot' })
    await master.publish()
    await scene.running('account')
    const place = '/var/run/secrets/kubernetes.io/serviceaccount'
    t.is(await sh('account', `ls ${place}`), 'ca.crt\nnamespace')
    t.is(await sh('account', `cat ${place}/namespace`), 'default')
    token.value = 'token-1'
    await master.publish()
    master.setConfigMap('other', {})
    await master.publish()
    await eventually('the token', async () => (await sh('account', `cat ${place}/token`)) === 'token-1')
  },
)

onBoard('a pod waits for a Secret that is not there, says which, and starts when it comes', async (t, scene) => {
  const { master, agent, sh } = scene
  const volumes = [{ name: 'db', secret: { secretName: 'late' } }]
  master.setPod('waits', { volumeMounts: [{ name: 'db', mountPath: '/etc/db' }] }, { volumes })
  await master.publish()
  await eventually('the event', () => agent.events.some(({ reason }) => reason === 'FailedMount'))
  const { message = '' } = agent.events.find(({ reason }) => reason === 'FailedMount') ?? {}
  t.regex(message, /volume "db" : secret "late" not found/)
  t.is(scene.statusOf('waits')?.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating')
  await master.setSecret('late', { key: planted })
  await master.publish()
  await scene.running('waits')
  t.is(await sh('waits', 'cat /etc/db/key'), planted)
})

onBoard('a Secret comes into the environment of who asks, and a missing one is told', async (t, scene) => {
  const { master, agent, sh } = scene
  await master.setSecret('db', { password: planted })
  const env = [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }]
  master.setPod('env', { env, envFrom: [{ prefix: 'DB_', secretRef: { name: 'db' } }] })
  master.setPod('noenv', { envFrom: [{ secretRef: { name: 'absent' } }] })
  await master.publish()
  await scene.running('env')
  t.is(await sh('env', 'echo $PASSWORD $DB_password'), `${planted} ${planted}`)
  await eventually('the reason', () => agent.events.some(({ message }) => /secret "absent" not found/.test(message)))
  t.is(scene.statusOf('noenv')?.containerStatuses?.[0]?.state?.waiting?.reason, 'CreateContainerConfigError')
})

onBoard(
  'an empty directory is shared by the containers of its pod, by parts as well, and goes with the pod',
  async (t, scene) => {
    const { master, sh, data } = scene
    const volumeMounts = [
      { name: 'work', mountPath: '/a', subPath: 'a' },
      { name: 'work', mountPath: '/b', subPath: 'b/c' },
    ]
    master.setPod('empty', { volumeMounts }, { volumes: [{ name: 'work', emptyDir: {} }] })
    await master.publish()
    await scene.running('empty')
    t.is(await sh('empty', 'echo one > /a/file && echo two > /b/file && cat /a/file /b/file'), 'one\ntwo')
    t.is(await readFile(join(data, 'pods/uid-empty/volumes/work/b/c/file'), 'utf8'), 'two\n')
    master.documents.delete('pods/default/empty')
    await master.publish()
    await eventually('the end of its files', async () => !(await readdir(join(data, 'pods'))).includes('uid-empty'))
  },
)

onBoard(
  'nothing of a Secret is on a disk or in a log, and its files go with the pod, also under another agent',
  async (t, scene) => {
    const { master, memory, data, harness } = scene
    await master.setSecret('db', { password: planted })
    const volumes = [{ name: 'db', secret: { secretName: 'db' } }]
    master.setPod('gone', { volumeMounts: [{ name: 'db', mountPath: '/etc/db' }] }, { volumes })
    await master.publish()
    await scene.running('gone')
    await eventually('the cache', async () => (await readdir(data)).includes('wish.json'))
    await eventually('the wish in it', async () =>
      (await readFile(join(data, 'wish.json'), 'utf8')).includes('uid-gone'),
    )
    t.deepEqual(await filesWith(planted, memory), [join(memory, 'pods/uid-gone/db/..data/password')])
    for (const form of [planted, Buffer.from(planted).toString('base64')]) {
      t.deepEqual(await filesWith(form, harness.board.directory), [])
      t.false(scene.agent.lines.join().includes(form))
      t.false(JSON.stringify(scene.agent.events).includes(form))
      t.false(JSON.stringify([...scene.agent.reports]).includes(form))
    }
    const agent = await scene.restart()
    await eventually('the pod as the new agent sees it', () => agent.reports.get('gone')?.status?.phase === 'Running')
    t.is(scene.statusOf('gone')?.containerStatuses?.[0]?.restartCount, 0)
    t.is(await scene.sh('gone', 'cat /etc/db/password'), planted)
    master.documents.delete('pods/default/gone')
    await master.publish()
    await eventually('the end of its files', async () => (await readdir(join(memory, 'pods'))).length === 0)
    t.deepEqual(await filesWith(planted, memory), [])
  },
)

/** Regular files below `directory` that hold `needle`; where they are versions of a volume, by its link. What goes meanwhile is not there. */
async function filesWith(needle: string, directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  const found: string[] = []
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) found.push(...(await filesWith(needle, path)))
    else if (entry.isFile() && (await readFile(path).catch(() => Buffer.alloc(0))).includes(needle)) found.push(path)
  }
  return found.map(path => path.replace(/\/\.\.[0-9a-f-]{36}\//, '/..data/'))
}
