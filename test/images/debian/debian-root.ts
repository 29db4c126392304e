/** A throw-away Debian system to install packages into: a root from the mirror, kept between runs, with a layer on top that goes with the test. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { depends } from '../../../images/debian/control.ts'
import { canStartBoard, startBoard, type TestBoard } from '../../support/board.ts'

export interface DebianRoot {
  board: TestBoard
  /** Runs a script by sh as root in the system; rejects unless it ends well. */
  run(script: string): Promise<string>
  /** A file or folder of this machine, put into /tmp. Resolves to its path there. */
  put(source: string): Promise<string>
  /** Every file but what each system changes by itself, as lines: path, type, mode, owner, link or hash. */
  files(): Promise<string[]>
  /** What the maintainer scripts have told systemd since the last call. */
  systemdCalls(): Promise<string[]>
}

const execute = promisify(execFile)
const buildTimeoutMs = 300_000

/** False, with the reason, where there can be none; on CI that is a failure instead. */
export function canMakeDebianRoot(t: ExecutionContext): boolean {
  if (!canStartBoard(t)) return false
  if (['/usr/bin', '/bin'].some(place => existsSync(join(place, 'mmdebstrap')))) return true
  if (process.env['CI']) t.fail('mmdebstrap is missing')
  else {
    t.log('mmdebstrap is missing')
    t.pass()
  }
  return false
}

/** With the package's dependencies and nothing else; `systemctl` writes down what it is told, as if systemd ran. */
export async function makeDebianRoot(t: ExecutionContext, suite: 'bookworm' | 'trixie'): Promise<DebianRoot> {
  const lower = await cachedRoot(suite)
  const board = await startBoard(`deb-${suite}`)
  t.teardown(() => board.stop())
  const folder = (name: string): string => join(board.directory, name)
  for (const name of ['upper', 'work', 'root']) await mkdir(folder(name))
  await chmod(folder('upper'), 0o755)
  const layers = `lowerdir=${lower},upperdir=${folder('upper')},workdir=${folder('work')}`
  await board.run(['mount', '-t', 'overlay', 'overlay', '-o', layers, folder('root')])
  const run = async (script: string): Promise<string> => {
    const env = ['env', '-i', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C.UTF-8']
    const words = [...env, 'DEBIAN_FRONTEND=noninteractive', 'sh', '-euc', script]
    const { stdout, stderr } = await board.run(['chroot', folder('root'), ...words]).catch(withOutput)
    return `${stdout}${stderr}`
  }
  const mounts = `mount -t proc proc /proc; mkdir -p /dev/pts; mount -t devpts -o ptmxmode=666 devpts /dev/pts; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp`
  await run(`${mounts}; mkdir -p /run/systemd/system; ${fakeSystemctl}`)
  // Where containerd's socket is on any machine; a link would lead out of the root.
  await mkdir(folder('run'))
  await board.run([
    'sh',
    '-c',
    `mkdir -p ${folder('root')}/run/containerd && touch ${folder('root')}/run/containerd/containerd.sock &&
    mount --bind ${board.socketPath} ${folder('root')}/run/containerd/containerd.sock`,
  ])
  return {
    board,
    run,
    async put(source) {
      const name = source.split('/').at(-1)!
      await board.run(['cp', '--recursive', source, join(folder('root'), 'tmp', name)])
      return `/tmp/${name}`
    },
    files: async () => (await run(listing)).trim().split('\n'),
    async systemdCalls() {
      const calls = await run('cat /run/systemctl-calls 2>/dev/null || true; rm -f /run/systemctl-calls')
      return calls.trim().split('\n').filter(Boolean)
    },
  }
}

/** A unit is active when somebody has put its name into /run/active; what is about links is done by the real one; all else is noted. */
const fakeSystemctl = `mv /usr/bin/systemctl /usr/bin/systemctl.real; cat >/usr/bin/systemctl <<'SCRIPT'
#!/bin/sh
words=$(printf '%s\\n' "$@" | grep -v '^-' | tr '\\n' ' ')
case "$words" in
  is-enabled*) for unit; do :; done; [ -e "/etc/systemd/system/multi-user.target.wants/$unit" ] && echo enabled || echo disabled ;;
  is-active*) for unit; do :; done; grep -qx "$unit" /run/active 2>/dev/null ;;
 preset* | enable* | disable*) SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl.real "$@" ;;
  *) echo "\${words% }" >>/run/systemctl-calls ;;
esac
SCRIPT
chmod 755 /usr/bin/systemctl`

/** Left out: dpkg's, apt's and ldconfig's own books, and the copies that every change of a user leaves. */
const listing = `find / -xdev \\( -path /proc -o -path /dev/pts -o -path /run -o -path /tmp -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log/apt \
  -o -path /var/log/dpkg.log -o -path /var/log/alternatives.log -o -path /etc/ld.so.cache -o -path /etc/.pwd.lock \
  -o -name 'passwd-' -o -name 'group-' -o -name 'shadow-' -o -name 'gshadow-' \\) -prune -o -printf '%p %y %m %U:%G %l\\n' | LC_ALL=C sort
  find /etc /var/lib/systemd -xdev -type f ! -name '*-' ! -name ld.so.cache -exec sha256sum {} + | LC_ALL=C sort -k 2`

/** One per release and list of packages; made anew when that changes. */
export async function cachedRoot(suite: string): Promise<string> {
  const packages = depends.map(entry => entry.split(/[ |]/)[0]!)
  const key = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 8)
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'flotilla/debian-roots')
  const path = join(cache, `${suite}-${key}`)
  if (existsSync(path)) return path
  await mkdir(cache, { recursive: true })
  const mirror = process.env['FLOTILLA_MIRROR'] ?? 'http://deb.debian.org/debian'
  const options = ['--mode=root', '--variant=minbase', '--format=directory', `--include=${packages.join(',')}`]
  const lean = ['--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"']
  // Several test files want the same at once, each in a process of its own: one makes it, the others wait.
  const script = 'test -e "$1" || { rm -rf "$1.new"; path=$1; shift; mmdebstrap "$@"; mv "$path.new" "$path"; }'
  const words = ['sh', '-euc', script, 'sh', path, ...options, ...lean, suite, `${path}.new`, mirror]
  await execute('flock', [`${path}.lock`, ...words], { timeout: buildTimeoutMs })
  return path
}

/** What failed is said by what was printed, not by the command line. */
function withOutput(error: Error & { stdout?: string; stderr?: string }): never {
  throw new Error(`${error.stdout ?? ''}${error.stderr ?? error.message}`)
}

const standIn = `#!/bin/sh
case "$*" in *'agent --join'* | master) exec sleep 1000000 ;; esac
echo "$@" >>/run/flotilla-calls
`

/** A tree as `buildDebs` reads it, with a script in place of the program: it runs on as a service, and writes down how else it is called. */
export async function makeStandInDist(folder: string): Promise<string> {
  const dist = join(folder, 'dist')
  for (const name of ['pack/native-x64', 'images/amd64']) await mkdir(join(dist, name), { recursive: true })
  await writeFile(join(dist, 'pack/flotilla-linux-x64'), standIn)
  const components = [{ type: 'library', name: 'ws', version: '8.23.0', licenses: [{ license: { id: 'MIT' } }] }]
  await writeFile(join(dist, 'pack/flotilla-linux-x64.cdx.json'), JSON.stringify({ components }))
  await writeFile(join(dist, 'pack/native-x64/pty-0.node'), 'addon')
  for (const name of ['pause', 'hello']) await writeFile(join(dist, `images/amd64/${name}.tar`), name)
  return dist
}
