import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { buildDebs } from '../../../images/debian/build.ts'
import { connectTo, sandboxOn } from '../../agent/runtime/harness.ts'
import { runPod } from '../../agent/runtime/runtime-contract.ts'
import { boardImage } from '../../support/board.ts'
import { canMakeDebianRoot, type DebianRoot, makeDebianRoot, makeStandInDist } from './debian-root.ts'

/** The package of this version, and one that is older. */
const current = '0.1.0'
const older = '0.0.9'

/** Built once for all tests of this file. */
const shared: { folder?: string; debs?: Promise<Record<string, string>> } = {}
test.after.always(() => rm(shared.folder ?? '', { recursive: true, force: true }))

async function buildShared(): Promise<Record<string, string>> {
  shared.folder = await mkdtemp(join(tmpdir(), 'flotilla-debs-'))
  return buildStandIns(shared.folder)
}

async function buildStandIns(folder: string): Promise<Record<string, string>> {
  const dist = await makeStandInDist(folder)
  const paths: Record<string, string> = {}
  for (const version of [older, current]) {
    const options = { architectures: ['amd64' as const], outDir: folder, level: 0, dist, version, epoch: 1_700_000_000 }
    paths[version] = (await buildDebs(options))[0]!
  }
  return paths
}

async function prepare(t: ExecutionContext): Promise<{ root: DebianRoot; debs: Record<string, string> } | undefined> {
  if (!canMakeDebianRoot(t)) return undefined
  shared.debs ??= buildShared()
  const built = await shared.debs
  const root = await makeDebianRoot(t, 'bookworm')
  const debs = { [older]: await root.put(built[older]!), [current]: await root.put(built[current]!) }
  return { root, debs }
}

const enabled = (root: DebianRoot): Promise<string> =>
  root.run('ls /etc/systemd/system/multi-user.target.wants | grep flotilla || true')

test.serial('what is installed, upgraded, removed and purged leaves the system as it was', async t => {
  const prepared = await prepare(t)
  if (!prepared) return
  const { root, debs } = prepared
  const before = await root.files()

  // By apt, which refuses what the dependencies do not allow.
  await root.run(`apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 ${debs[older]}`)
  t.deepEqual(await root.systemdCalls(), [
    'daemon-reload',
    'try-restart flotilla-master.service flotilla-agent.service',
    'start flotilla-agent.path flotilla-agent.service',
  ])
  t.is(await enabled(root), 'flotilla-agent.path\nflotilla-agent.service\nflotilla-first-boot.service\n')
  t.regex(await root.run('getent passwd flotilla'), /:\/var\/lib\/flotilla\/master:/)
  t.is(await root.run('stat -c "%a %U" /var/lib/flotilla'), '711 root\n')

  await root.run(`dpkg -i ${debs[current]}`)
  t.true((await root.run('dpkg -s flotilla')).includes(`Version: ${current}`))
  t.is(await root.run('dpkg --verify flotilla'), '')
  await root.run(leftovers)

  await root.systemdCalls()
  await root.run('dpkg -r flotilla')
  t.deepEqual(
    (await root.systemdCalls())[0],
    'stop flotilla-agent.path flotilla-agent.service flotilla-master.service flotilla-first-boot.service',
  )
  t.is(await root.run('cat /run/flotilla-calls'), 'agent clear\n')
  t.true((await root.run('ls /var/lib/flotilla')).includes('identity'), 'a removal keeps who the board is')

  await root.run('dpkg -P flotilla')
  t.true((await root.systemdCalls()).includes('try-restart containerd.service'), 'with its own configuration again')
  t.deepEqual(difference(before, await root.files()), [])
})

/** As an agent, a master, a first start and a person leave them. */
const leftovers = `
  mkdir -p /var/lib/flotilla/identity /var/lib/flotilla/master/pki /var/log/pods/default_web_1 /etc/cni/net.d
  echo key >/var/lib/flotilla/identity/identity.json; echo key >/var/lib/flotilla/master/pki/ca.key
  chown -R flotilla: /var/lib/flotilla/master
  echo '{}' >/etc/cni/net.d/10-flotilla.conflist; echo line >/var/log/pods/default_web_1/0.log
  for file in containerd/flotilla.toml systemd/system/containerd.service.d/60-flotilla.conf sysctl.d/60-flotilla.conf \
    systemd/system/flotilla-agent.service.d/60-flotilla.conf systemd/system/flotilla-agent.service.d/override.conf; do
    mkdir -p "/etc/$(dirname $file)"; echo '# ours' >/etc/$file
  done
  ln -s /usr/lib/systemd/system/flotilla-master.service /etc/systemd/system/multi-user.target.wants/`

test.serial('an upgrade restarts our units and nothing else; what somebody has switched off stays off', async t => {
  const prepared = await prepare(t)
  if (!prepared) return
  const { root, debs } = prepared
  await root.run(`dpkg -i ${debs[older]}`)
  // As `systemctl disable` does it.
  await root.run('rm /etc/systemd/system/multi-user.target.wants/flotilla-agent.*')
  await root.systemdCalls()

  await root.run(`dpkg -i ${debs[current]}`)
  t.is(await enabled(root), 'flotilla-first-boot.service\n')
  const calls = await root.systemdCalls()
  t.deepEqual(calls, ['daemon-reload', 'try-restart flotilla-master.service flotilla-agent.service'])
  t.is(await root.run('ls /run/flotilla-calls 2>/dev/null || true'), '', 'no pod is ended')
})

test.serial('a pod runs on while the package is upgraded', async t => {
  const prepared = await prepare(t)
  if (!prepared) return
  const { root, debs } = prepared
  await root.run(`dpkg -i ${debs[older]}`)
  const { board } = root
  const runtime = connectTo(board)
  t.teardown(() => runtime.close())
  const harness = { runtime, image: boardImage, pullable: '', unknown: '' }
  await runPod({ ...harness, sandbox: name => sandboxOn(root.board, name) }, 'web', { main: 'sleep 1000' })
  // containerd lists its tasks in no order.
  const tasks = async (): Promise<string[]> =>
    (await board.run(['ctr', '-a', board.socketPath, '-n', 'k8s.io', 'tasks', 'list'])).stdout.split('\n').sort()
  const before = await tasks()
  t.is(before.filter(line => line.includes('RUNNING')).length, 2, 'the pod and its pause process')

  await root.run(`dpkg -i ${debs[current]}`)
  t.deepEqual(await tasks(), before, 'the same processes')
})

test.serial('inside of an image, where no systemd runs, nothing is started or ended', async t => {
  const prepared = await prepare(t)
  if (!prepared) return
  const { root, debs } = prepared
  await root.run('rm -r /run/systemd/system')
  await root.run(`dpkg -i ${debs[current]}`)
  t.is((await enabled(root)).split('\n').length, 4)
  await root.run('dpkg -r flotilla')
  t.deepEqual(await root.systemdCalls(), [])
  t.is(await root.run('ls /run/flotilla-calls 2>/dev/null || true'), '')
})

test.serial(
  "a kubelet's logs, other networks and the containers' own configuration stay when we are purged",
  async t => {
    const prepared = await prepare(t)
    if (!prepared) return
    const { root, debs } = prepared
    await root.run(`dpkg -i ${debs[current]}`)
    await root.run(`mkdir -p /var/lib/kubelet /var/log/pods/kube-system_x /etc/cni/net.d /etc/systemd/system/containerd.service.d
    echo mine >/etc/cni/net.d/20-mine.conflist; echo '[Service]' >/etc/systemd/system/containerd.service.d/50-mine.conf`)
    await root.run('dpkg -P flotilla')
    await root.run(
      'test -e /var/log/pods/kube-system_x -a -e /etc/cni/net.d/20-mine.conflist -a -e /etc/systemd/system/containerd.service.d/50-mine.conf',
    )
    t.false((await root.systemdCalls()).some(call => call.includes('containerd')))
  },
)

test.serial('the same sources make the same package, whatever the umask and the folder', async t => {
  const sums: string[] = []
  const umask = process.umask()
  t.teardown(() => process.umask(umask))
  for (const mask of [0o022, 0o077]) {
    process.umask(mask)
    const folder = await mkdtemp(join(tmpdir(), 'flotilla-debs-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const { [current]: path } = await buildStandIns(folder)
    sums.push(
      createHash('sha256')
        .update(await readFile(path!))
        .digest('hex'),
    )
  }
  t.is(sums[0], sums[1])
})

/** Lines that only one of the two has. */
function difference(before: string[], after: string[]): string[] {
  const [old, fresh] = [new Set(before), new Set(after)]
  return [
    ...before.filter(line => !fresh.has(line)).map(line => `- ${line}`),
    ...after.filter(line => !old.has(line)).map(line => `+ ${line}`),
  ]
}
