/** A Debian system to break: this machine's own, under a layer in memory, where packages are unpacked and scripts run. Nothing of it stays. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { systemRandom } from '../../kit/random.ts'

export interface Ending {
  status: number | null
  output: string
}

export interface RootPlan {
  /** Debian packages to unpack, without their scripts: for the programs in them. */
  packages?: string[]
  /** Written before the script runs. Path → content; what begins as a script may be run. */
  files?: Record<string, string>
  /** For sh. */
  script: string
}

/** Without a network, as root of its own mounts, processes and network. Everything ends with the script. */
export async function runInRoot(plan: RootPlan): Promise<Ending> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-root-'))
  try {
    for (const [path, content] of Object.entries({ ...plan.files, '/root/script.sh': plan.script })) {
      await mkdir(dirname(join(folder, 'files', path)), { recursive: true })
      await writeFile(join(folder, 'files', path), content, { mode: content.startsWith('#!') ? 0o755 : 0o644 })
    }
    const archives = plan.packages === undefined ? [] : await fetchPackages(plan.packages)
    const namespaces = ['--mount', '--pid', '--net', '--ipc', '--uts', '--fork', '--kill-child']
    return await finish(spawn('unshare', [...namespaces, 'sh', '-c', setUp, 'sh', folder, ...archives]))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** False, with the reason logged, where that cannot be; on CI that is a failure instead. */
export function canUseRoot(t: Pick<ExecutionContext, 'log' | 'pass' | 'fail'>): boolean {
  const missing = ['/usr/bin/unshare', '/usr/bin/dpkg-deb', '/usr/bin/apt-get'].filter(path => !existsSync(path))
  const reasons = [...(process.getuid?.() === 0 ? [] : ['not root']), ...missing.map(path => `no ${path}`)]
  if (reasons.length === 0) return true
  const message = `needs a throw-away root: ${reasons.join(', ')}`
  if (process.env['CI']) t.fail(message)
  else t.pass(`skipped: ${message}`)
  t.log(message)
  return false
}

/** The first process stays outside of the new root: by that systemctl knows that it speaks to no systemd. */
const setUp = `
set -e
folder=$1; shift
mount --make-rprivate /
mkdir "$folder/layer" "$folder/root"
mount -t tmpfs layer "$folder/layer"
mkdir "$folder/layer/upper" "$folder/layer/work"
mount -t overlay -o "lowerdir=/,upperdir=$folder/layer/upper,workdir=$folder/layer/work" root "$folder/root"
# Debian's /lib is a link, and has to stay one.
for package in "$@"; do dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$folder/root"; done
mount -t proc proc "$folder/root/proc"
mount -t sysfs -o ro sys "$folder/root/sys"
mount --bind /dev "$folder/root/dev"
mount -t tmpfs run "$folder/root/run"
tar -c -C "$folder/files" . | tar -x --no-same-owner --no-overwrite-dir --keep-directory-symlink -C "$folder/root"
ip link set lo up
chroot "$folder/root" sh /root/script.sh
`

/** From Debian, once: kept where caches are. */
async function fetchPackages(names: string[]): Promise<string[]> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'flotilla/test-packages')
  const pathOf = (name: string): string => join(cache, `${name}.deb`)
  const missing = names.filter(name => !existsSync(pathOf(name)))
  if (missing.length > 0) {
    // Beside each other: another test may want the same ones. Only a whole one gets its name.
    const folder = join(cache, `.${systemRandom.suffix(8)}`)
    await mkdir(folder, { recursive: true })
    try {
      const download = (): Promise<Ending> => finish(spawn('apt-get', ['-q', 'download', ...missing], { cwd: folder }))
      // A machine that has just been set up has no lists of packages, or old ones.
      const first = await download()
      if (first.status !== 0) await finish(spawn('apt-get', ['-q', 'update']))
      const { status, output } = first.status === 0 ? first : await download()
      if (status !== 0) throw new Error(`cannot fetch packages of Debian: ${output}`)
      for (const file of await readdir(folder)) await rename(join(folder, file), pathOf(file.split('_')[0] ?? ''))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  return names.map(pathOf)
}

async function finish(child: ChildProcess): Promise<Ending> {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (output += chunk))
  const [status] = await once(child, 'close')
  return { status, output }
}
