/** Turns machines of the lab on and off: off is a power cut, which says goodbye to nobody. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, sleep } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { killCgroup, limitCgroup, makeCgroup, removeCgroup } from './cgroups.ts'
import { readFacts } from './facts.ts'
import { findInit, inCgroup, inMachine, inNetns } from './inside.ts'
import { boardsOf, type Machine } from './layout.ts'
import { makeMasterDisk } from './master-user.ts'
import { applyLink, plugIn, unplug } from './network.ts'
import { limitsOf, servicesOf } from './plan-services.ts'
import { containerdSocket, renderContainerdConfig, renderMirrorHosts } from './render-containerd-config.ts'
import { renderHosts, renderInit } from './render-init.ts'
import { startDetached, tryRun } from './run.ts'
import type { Lab } from './state.ts'
import { tailOf } from './tail.ts'

const bootDeadlineMs = 30_000
const roomTemperatureCelsius = 45

/** Turns a machine on unless it is on. Resolves, when its services run, to whether it was off. */
export async function powerOn(lab: Lab, machine: Machine, clock: Clock): Promise<boolean> {
  await writeConfig(lab, machine)
  if (findInit(machine) !== undefined) return false
  await powerOff(lab, machine, clock)
  await plugIn(lab.layout, machine)
  await makeCgroup(machine.systemCgroup)
  if (machine.role === 'board') await limitCgroup(machine.cgroup, limitsOf(lab.state))
  const script = join(machine.dir, 'init.sh')
  await writeFile(script, renderInit(machine, lab, servicesOf(lab, machine)))
  const unshare = ['unshare', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', script]
  const argv = await inCgroup(machine.systemCgroup, inNetns(machine.netns, unshare))
  await startDetached(argv, { logFile: join(machine.dir, 'init.log') })
  await waitForBoot(machine, clock)
  return true
}

/** Cuts the power: first the cable goes silent (a dying process would say goodbye to its peers), then all dies at once. */
export async function powerOff(lab: Lab, machine: Machine, clock: Clock): Promise<boolean> {
  await applyLink(lab.layout, machine, 'down')
  const killed = await killCgroup(machine.cgroup, clock)
  await unplug(lab.layout, machine)
  await removeCgroup(machine.cgroup, clock)
  return killed > 0
}

/** Warm from the first boot on; what it is later is the user's. In one step, so that no reader sees half a number. */
export async function writeTemperature(machine: Machine, celsius: number): Promise<void> {
  await writeFile(`${machine.temperatureFile}.part`, `${Math.round(celsius * 1000)}\n`)
  await rename(`${machine.temperatureFile}.part`, machine.temperatureFile)
}

/** Undefined when the machine was never on. */
export async function readTemperature(machine: Machine): Promise<number | undefined> {
  try {
    return Number(await readFile(machine.temperatureFile, 'utf8')) / 1000
  } catch {
    // The file comes with the first start.
    return undefined
  }
}

/** The disk of a new machine, and what may change between two calls of `up`. */
async function writeConfig({ layout, state }: Lab, machine: Machine): Promise<void> {
  if (machine.role === 'master') {
    await makeMasterDisk(layout, machine)
    return
  }
  const config = join(machine.dir, 'config')
  const mirrors = join(config, 'containerd', 'certs.d', '_default')
  await mkdir(mirrors, { recursive: true })
  await mkdir(join(config, 'cni'), { recursive: true })
  await mkdir(join(machine.dir, 'thermal', 'thermal_zone0'), { recursive: true })
  await writeFile(join(config, 'hostname'), `${machine.name}\n`)
  await writeFile(join(config, 'hosts'), renderHosts(boardsOf(layout, state.boards)))
  await writeFile(join(config, 'containerd', 'config.toml'), renderContainerdConfig(await readFacts()))
  await writeFile(join(mirrors, 'hosts.toml'), state.mirror ? renderMirrorHosts(state.mirror) : '')
  await writeFile(join(machine.dir, 'thermal', 'thermal_zone0', 'type'), 'cpu-thermal\n')
  if ((await readTemperature(machine)) === undefined) await writeTemperature(machine, roomTemperatureCelsius)
}

async function waitForBoot(machine: Machine, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + bootDeadlineMs
  // On a busy machine it takes a while until the first process is there: one that is missing is dead only after this.
  const bornBy = clock.monotonic() + 10_000
  for (;;) {
    if (findInit(machine) !== undefined && (await isBooted(machine))) return
    const died = findInit(machine) === undefined && clock.monotonic() > bornBy
    if (died || clock.monotonic() > deadline) {
      const why = died ? 'its first process ended' : `its services did not answer in ${bootDeadlineMs} ms`
      throw new CodedError('Timeout', `cannot start ${machine.name}: because ${why}\n${await tailOf(machine)}`)
    }
    await sleep(clock, 50)
  }
}

async function isBooted(machine: Machine): Promise<boolean> {
  const check =
    machine.role === 'board'
      ? `test -e /run/booted && ctr --address ${containerdSocket} --connect-timeout 1s version`
      : 'test -e /run/booted'
  try {
    return (await tryRun(await inMachine(machine, ['sh', '-c', check]))).status === 0
  } catch (error) {
    // It died between being found and being entered.
    if (error instanceof CodedError && error.code === 'ServiceUnavailable') return false
    throw error
  }
}
