/** Throw-away network namespaces for tests that need a real kernel; nothing here touches the machine's own network. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises'
import type { ExecutionContext } from 'ava'
import { createCommandRunner, type RunCommand } from '../../agent/network/command.ts'
import { systemClock } from '../../kit/clock.ts'
import { systemRandom } from '../../kit/random.ts'

const onHost = createCommandRunner({ clock: systemClock })

/** Files of our own: `ip netns add` would turn /run/netns into a mount, and leave it one. */
const directory = '/run/flotilla-test'

/** The command as it runs inside of the namespace. Not `ip netns exec`, which mounts another /sys. */
export function inNamespace(path: string, argv: string[] = []): string[] {
  return ['nsenter', `--net=${path}`, ...argv]
}

/** False, with the reason logged, where namespaces cannot be made; on CI that is a failure instead. */
export function canUseNamespaces(
  t: Pick<ExecutionContext, 'log' | 'pass' | 'fail'>,
  tools: string[] = ['nft', 'ip', 'nsenter', 'sysctl'],
): boolean {
  const places = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/lib/cni']
  const missing = tools.filter(tool => !places.some(place => existsSync(`${place}/${tool}`)))
  const reasons = [...(process.getuid?.() === 0 ? [] : ['not root']), ...missing.map(tool => `no ${tool}`)]
  if (reasons.length === 0) return true
  const message = `needs network namespaces: ${reasons.join(', ')}`
  if (process.env['CI']) t.fail(message)
  else t.pass(`skipped: ${message}`)
  t.log(message)
  return false
}

/** Namespaces, and what runs in them; `remove` ends both. */
export class NamespaceGroup {
  readonly #prefix = `flt-${process.pid}-${systemRandom.suffix(5)}`
  #namespaces: Netns[] = []

  async add(label: string): Promise<Netns> {
    await removeAbandoned()
    const netns = new Netns(`${this.#prefix}-${label}`)
    await mkdir(directory, { recursive: true })
    await writeFile(netns.path, '')
    this.#namespaces.push(netns)
    await onHost(['unshare', `--net=${netns.path}`, 'true'])
    await netns.run(['ip', 'link', 'set', 'lo', 'up'])
    return netns
  }

  async remove(): Promise<void> {
    for (const netns of this.#namespaces.splice(0).reverse()) {
      await netns.stopProcesses()
      await removeNetns(netns.path)
    }
  }
}

export class Netns {
  readonly name: string
  /** Of the file that stands for it, as `ip` and CNI take it. */
  readonly path: string
  /** Runs a command in the namespace: what the product's constructors take. */
  readonly run: RunCommand
  #children: ChildProcess[] = []

  constructor(name: string) {
    this.name = name
    this.path = `${directory}/${name}`
    this.run = createCommandRunner({ clock: systemClock, prefix: inNamespace(this.path) })
  }

  /** Starts a process that lives until `stopProcesses`; resolves with its first output. */
  async start(argv: string[]): Promise<ChildProcess> {
    const [program = '', ...rest] = inNamespace(this.path, argv)
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#children.push(child)
    await Promise.race([once(child.stdout, 'data'), failOnExit(child, argv)])
    return child
  }

  async stopProcesses(): Promise<void> {
    for (const child of this.#children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
  }

  /** A cable: an interface here and one there. */
  async connect(here: string, other: Netns, there: string): Promise<void> {
    await this.run(['ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', other.path])
    await this.run(['ip', 'link', 'set', here, 'up'])
    await other.run(['ip', 'link', 'set', there, 'up'])
  }
}

async function failOnExit(child: ChildProcess, argv: string[]): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`${argv.join(' ')} ended with ${code} before it said anything`)
}

async function removeNetns(path: string): Promise<void> {
  // Not mounted when it was never finished.
  await onHost(['umount', path], { allowed: [0, 32] })
  await rm(path, { force: true })
  // Others may be at work beside us; the last one takes the directory.
  await rmdir(directory).catch(() => undefined)
}

/** Those of a test process that was killed before it could clean up. */
async function removeAbandoned(): Promise<void> {
  const names = existsSync(directory) ? readdirSync(directory) : []
  for (const name of names) {
    const pid = /^flt-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await removeNetns(`${directory}/${name}`)
  }
}
