/** `flotilla agent clear`: ends all that an agent has started on this board. The package calls it when it is removed. */
import { rm } from 'node:fs/promises'
import { systemClock } from '../kit/clock.ts'
import type { Command, Option } from '../kit/command-line.ts'
import { createLog, type Log } from '../kit/log.ts'
import { createCommandRunner, type RunCommand } from './network/command.ts'
import { readOwnRoutes, writeRoutes } from './network/ip.ts'
import { createNftProxy } from './network/nft-proxy.ts'
import { connectContainerd } from './runtime/containerd-runtime.ts'
import type { ObservedPod, Runtime } from './runtime/runtime.ts'

/** What a container may take to say goodbye: shorter than Kubernetes' 30 s, because somebody waits for the package manager. */
const usualGraceSeconds = 10

export function createClearCommand(placeOptions: Option[]): Command {
  return {
    name: 'clear',
    summary: 'End all pods on this board, and take the rules of services out of its kernel; stop the agent first',
    options: placeOptions,
    examples: ['$ systemctl stop flotilla-agent && flotilla agent clear'],
    async run({ options }) {
      const clock = systemClock
      const log = createLog({ level: 'warn' })
      const runtime = connectContainerd({ socketPath: String(options['containerd']), clock, log })
      try {
        const run = createCommandRunner({ clock })
        const ended = await clearBoard({ runtime, run, cgroupParent: String(options['cgroupParent']), log })
        process.stdout.write(`ended ${ended} pods\n`)
        return 0
      } finally {
        await runtime.close()
      }
    },
  }
}

export interface ClearParts {
  runtime: Runtime
  run: RunCommand
  cgroupParent: string
  log: Log
  graceSeconds?: number
  /** Where CNI's host-local keeps which address is whose. */
  cniData?: string
}

/** Resolves to how many pods were ended, of any cluster. Idempotent; others' containers and rules stay. Takes all steps, then rejects if one failed. */
export async function clearBoard(parts: ClearParts): Promise<number> {
  const { runtime, run, cgroupParent, log, graceSeconds = usualGraceSeconds, cniData = '/var/lib/cni' } = parts
  const [pods, ...rest] = await Promise.allSettled([
    endPods(runtime, graceSeconds),
    createNftProxy({ clock: systemClock, log, run }).clear(),
    readOwnRoutes(run).then(remove => writeRoutes(run, { replace: [], remove })),
  ])
  const after = await Promise.allSettled([
    runtime.removePodCgroup(cgroupParent),
    // Addresses that were given out, and a lock: empty of pods, it says nothing any more.
    rm(`${cniData}/networks/flotilla`, { recursive: true, force: true }),
  ])
  const failed = [pods, ...rest, ...after].find(result => result.status === 'rejected')
  if (failed) throw failed.reason
  return pods.status === 'fulfilled' ? pods.value : 0
}

async function endPods(runtime: Runtime, graceSeconds: number): Promise<number> {
  const pods = await runtime.listPods()
  const results = await Promise.allSettled(pods.map(pod => endPod(pod, { runtime, graceSeconds })))
  const failed = results.find(result => result.status === 'rejected')
  if (failed) throw failed.reason
  return pods.length
}

interface Ending {
  runtime: Runtime
  graceSeconds: number
}

async function endPod({ sandboxId, containers }: ObservedPod, { runtime, graceSeconds }: Ending): Promise<void> {
  const running = containers.filter(({ state }) => state === 'running')
  await Promise.all(running.map(({ id }) => runtime.stopContainer(id, graceSeconds)))
  await runtime.stopSandbox(sandboxId)
  await runtime.removeSandbox(sandboxId)
}
