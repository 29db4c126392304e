/** Can this machine run a lab? What is missing is named together with what brings it. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, type Problem } from '../../kit/errors.ts'
import { hasMemoryController, readHierarchies } from './cgroups.ts'
import type { ContainerdFacts } from './render-containerd-config.ts'
import { toolPath, tryRun } from './run.ts'

/** Debian's package of each tool that the lab or a board calls. */
const packages: Record<string, string> = {
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  nft: 'nftables',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
}
/** Only for those who ask for it. */
const optional = { mosquitto: 'mosquitto' }
/** Debian's place, then the projects' own. */
const cniFolders = ['/usr/lib/cni', '/opt/cni/bin']
const thermalFolder = '/sys/class/thermal'
/** capability.h: the bit of CAP_SYS_RESOURCE. */
const capSysResource = 24n

/** Rejects with all that is missing; `more`: what this lab calls as well. Resolves to what will not work, in sentences. */
export async function checkMachine(more: Array<keyof typeof optional> = []): Promise<string[]> {
  requireRoot()
  const wanted = { ...packages, ...Object.fromEntries(more.map(tool => [tool, optional[tool]])) }
  const problems = [...missingTools(wanted), ...(await missingKernelFeatures())]
  if (problems.length > 0) {
    const list = problems.map(({ message }) => `  ${message}`).join('\n')
    throw new CodedError('ServiceUnavailable', `cannot run a lab on this machine: because\n${list}`, { problems })
  }
  const warnings: string[] = []
  if (!existsSync(thermalFolder)) warnings.push(`boards have no temperature: this kernel has no ${thermalFolder}`)
  if (!(await hasMemoryController(readHierarchies())))
    warnings.push('memory limits do not hold: add cgroup_enable=memory to the kernel command line and reboot')
  return warnings
}

export function requireRoot(): void {
  if (process.getuid?.() === 0) return
  throw new CodedError('Forbidden', 'cannot work on a lab: because namespaces and cgroups are for root; try with sudo')
}

export async function readFacts(): Promise<ContainerdFacts> {
  const status = await readFile('/proc/self/status', 'utf8')
  const effective = BigInt(`0x${status.match(/^CapEff:\s*([0-9a-f]+)$/m)?.[1] ?? '0'}`)
  return {
    cniBinDir: findCni() ?? cniFolders[0]!,
    mayLowerOomScore: ((effective >> capSysResource) & 1n) === 1n,
  }
}

function missingTools(wanted: Record<string, string>): Problem[] {
  const missing = Object.keys(wanted).filter(tool => !toolPath.split(':').some(dir => existsSync(join(dir, tool))))
  const problems = missing.map(tool => notThere(tool, wanted[tool]!))
  return findCni() ? problems : [...problems, notThere('CNI plugin ptp', 'containernetworking-plugins')]
}

async function missingKernelFeatures(): Promise<Problem[]> {
  const problems: Problem[] = []
  if (!(await hasFilesystem('overlay')))
    problems.push({ path: 'overlay', message: 'the kernel has no overlayfs (CONFIG_OVERLAY_FS)' })
  if (readHierarchies().length === 0)
    problems.push({ path: 'cgroup', message: 'no cgroups are mounted at /sys/fs/cgroup' })
  return problems
}

async function hasFilesystem(name: string): Promise<boolean> {
  const isListed = async (): Promise<boolean> =>
    (await readFile('/proc/filesystems', 'utf8')).split('\n').some(line => line.endsWith(`\t${name}`))
  if (await isListed()) return true
  // A module is listed once it is loaded.
  if (existsSync('/sbin/modprobe')) await tryRun(['/sbin/modprobe', name])
  return isListed()
}

function findCni(): string | undefined {
  return cniFolders.find(folder => existsSync(join(folder, 'ptp')))
}

function notThere(what: string, debianPackage: string): Problem {
  return { path: what, message: `${what} is missing: apt-get install ${debianPackage}` }
}
