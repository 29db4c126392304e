import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { removePodCgroup } from '../../../agent/runtime/cgroups.ts'
import { buildDebs } from '../../../images/debian/build.ts'
import { systemClock } from '../../../kit/clock.ts'
import { eventually } from '../../kit/eventually.ts'
import { cachedRoot, canMakeDebianRoot, makeStandInDist } from './debian-root.ts'

const execute = promisify(execFile)
const bootMs = 60_000

test('under a real systemd the agent runs when the machine has a cluster, and upgrades restart what runs', async t => {
  if (!canMakeDebianRoot(t)) return
  const { run, debs } = await boot(t)
  const state = async (unit: string): Promise<string> => (await run(`systemctl is-active ${unit} || true`)).trim()
  const pidOf = async (unit: string): Promise<string> => (await run(`systemctl show -P MainPID ${unit}`)).trim()

  await run(`dpkg -i ${debs[0]}`)
  t.deepEqual([await state('flotilla-agent.service'), await state('flotilla-agent.path')], ['inactive', 'active'])
  t.is(await state('flotilla-master.service'), 'inactive')

  // A line to join by, written as a person or a program writes files.
  await run('umask 077; echo line >/var/lib/flotilla/join.new; mv /var/lib/flotilla/join.new /var/lib/flotilla/join')
  await eventually('the agent runs', async () => (await state('flotilla-agent.service')) === 'active', bootMs)

  // Who stops it has stopped it, though the line is there.
  await run('systemctl stop flotilla-agent; systemctl daemon-reload')
  t.is(await state('flotilla-agent.service'), 'inactive')
  await run('systemctl start flotilla-agent; systemctl enable --now flotilla-master 2>/dev/null')

  const before = [await pidOf('flotilla-agent'), await pidOf('flotilla-master')]
  await run(`dpkg -i ${debs[1]}`)
  const after = [await pidOf('flotilla-agent'), await pidOf('flotilla-master')]
  t.true([...before, ...after].every(pid => Number(pid) > 1))
  t.notDeepEqual(after[0], before[0])
  t.notDeepEqual(after[1], before[1])

  await run('dpkg -P flotilla')
  t.is((await run('systemctl list-units --all --plain --no-legend "flotilla*"')).trim(), '')
  t.is((await run('pgrep sleep || true')).trim(), '')
  t.is(
    (
      await run(
        'getent passwd flotilla || true; ls /etc/systemd/system/multi-user.target.wants | grep flotilla || true',
      )
    ).trim(),
    '',
  )
})

interface Machine {
  /** By sh as root; rejects unless it ends well. */
  run(script: string): Promise<string>
  /** The packages of an older version and of this one, by their paths there. */
  debs: string[]
}

/** A Debian system whose first process is systemd, in namespaces that end with this test. */
async function boot(t: ExecutionContext): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-systemd-'))
  const cgroup = `/${basename(folder)}`
  const place = (name: string): string => join(folder, name)
  const state: { holder?: ChildProcess } = {}
  t.teardown(async () => {
    const { holder } = state
    if (holder && holder.exitCode === null) {
      holder.stdin?.end()
      await once(holder, 'exit')
    }
    await removePodCgroup(cgroup, { clock: systemClock })
    await rm(folder, { recursive: true, force: true })
  })
  for (const name of ['upper/srv', 'work', 'root']) await mkdir(place(name), { recursive: true })
  const debs = await putDebs(folder)
  const lower = await cachedRoot('bookworm')
  // The end of our input is the end of unshare, and with it of all in there.
  const script = `${enterCgroup(cgroup)}
    unshare --mount --uts --pid --net --ipc --cgroup --fork --kill-child --propagation private sh -euc '${startSystemd(folder, lower)}' \
      </dev/null >${place('log')} 2>&1 &
    echo $!; cat >/dev/null; kill -9 $!`
  state.holder = spawn('sh', ['-euc', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const outer = String((await once(state.holder.stdout!, 'data'))[0]).trim()
  const childOf = async (): Promise<string> => (await readFile(`/proc/${outer}/task/${outer}/children`, 'utf8')).trim()
  const run = async (words: string): Promise<string> => {
    const inside = ['--target', await childOf(), '--mount', '--uts', '--pid', '--net', '--ipc', '--root', '--wd', '--']
    const env = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive']
    const { stdout } = await execute('nsenter', [...inside, ...env, 'sh', '-euc', words], { timeout: bootMs })
    return stdout
  }
  const isUp = async (): Promise<boolean> => {
    const said = await run('systemctl is-system-running || true').catch(() => '')
    return /^(running|degraded)/.test(said)
  }
  await eventually('systemd is up', isUp, bootMs).catch(async error => {
    throw new Error(`${error.message}: ${(await readFile(place('log'), 'utf8')).slice(-2000)}`)
  })
  return { run, debs }
}

async function putDebs(folder: string): Promise<string[]> {
  const dist = await makeStandInDist(folder)
  const paths: string[] = []
  for (const version of ['0.0.9', '0.1.0']) {
    const options = { architectures: ['amd64' as const], outDir: folder, level: 0, dist, version, epoch: 1_700_000_000 }
    const [path = ''] = await buildDebs(options)
    await copyFile(path, join(folder, 'upper/srv', basename(path)))
    paths.push(`/srv/${basename(path)}`)
  }
  return paths
}

/** systemd gets a cgroup of its own, of either version, so that none of its groups stays among ours. */
function enterCgroup(path: string): string {
  return `for tree in /sys/fs/cgroup /sys/fs/cgroup/systemd; do
      [ -w "$tree/cgroup.procs" ] || continue
      mkdir "$tree${path}"; echo $$ >"$tree${path}/cgroup.procs"; break
    done`
}

function startSystemd(folder: string, lower: string): string {
  return `mount -t overlay overlay -o lowerdir=${lower},upperdir=${folder}/upper,workdir=${folder}/work ${folder}/root
    cd ${folder}/root; mount -t proc proc proc; mount -t sysfs -o ro sysfs sys; mount -t tmpfs tmpfs run
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then mount -t cgroup2 cgroup2 sys/fs/cgroup
    else
      mount -t tmpfs tmpfs sys/fs/cgroup; mkdir sys/fs/cgroup/systemd; mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
    fi
    for unit in containerd nftables e2scrub_reap; do ln -s /dev/null etc/systemd/system/$unit.service; done
    # Not by chroot alone: who is in one may make no user namespace, as PrivateUsers= of the master does. unshare(2)
    pivot_root . mnt
    exec env -i container=docker PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . sh -c "umount -l /mnt; exec /lib/systemd/systemd --system --log-target=console"`
}
