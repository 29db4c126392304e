/** Throw-away network namespaces for tests that need a real kernel; nothing here touches the machine's own network. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { createCommandRunner, type RunCommand } from '../../agent/network/command.ts'
import { systemClock } from '../../kit/clock.ts'
import { systemRandom } from '../../kit/random.ts'

const onHost = createCommandRunner({ clock: systemClock })

/** The command as it runs inside of the namespace. Not `ip netns exec`, which mounts another /sys. */
export function inNamespace(name: string, argv: string[] = []): string[] {
  return ['nsenter', `--net=/run/netns/${name}`, ...argv]
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
    await onHost(['ip', 'netns', 'add', netns.name])
    this.#namespaces.push(netns)
    await netns.run(['ip', 'link', 'set', 'lo', 'up'])
    return netns
  }

  async remove(): Promise<void> {
    for (const netns of this.#namespaces.splice(0).reverse()) {
      await netns.stopProcesses()
      await onHost(['ip', 'netns', 'delete', netns.name])
    }
  }
}

export class Netns {
  readonly name: string
  /** Runs a command in the namespace: what the product's constructors take. */
  readonly run: RunCommand
  #children: ChildProcess[] = []

  constructor(name: string) {
    this.name = name
    this.run = createCommandRunner({ clock: systemClock, prefix: inNamespace(name) })
  }

  /** Starts a process that lives until `stopProcesses`; resolves with its first output. */
  async start(argv: string[]): Promise<ChildProcess> {
    const [program = '', ...rest] = inNamespace(this.name, argv)
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
    await this.run(['ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', other.name])
    await this.run(['ip', 'link', 'set', here, 'up'])
    await other.run(['ip', 'link', 'set', there, 'up'])
  }
}

async function failOnExit(child: ChildProcess, argv: string[]): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`${argv.join(' ')} ended with ${code} before it said anything`)
}

/** Those of a test process that was killed before it could clean up. */
async function removeAbandoned(): Promise<void> {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : []
  for (const name of names) {
    const pid = /^flt-(\d+)-/.exec(name)?.[1]
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue
    // Another test process may have been faster, in all of this.
    const left = await onHost(['ip', 'netns', 'pids', name], { allowed: [0, 1] })
    for (const child of left.split('\n').filter(line => line !== ''))
      await onHost(['kill', '-9', child], { allowed: [0, 1] })
    await onHost(['ip', 'netns', 'delete', name], { allowed: [0, 1] })
  }
}
