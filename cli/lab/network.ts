/** The lab's LAN and the cables to it: network namespaces, a bridge, a veth pair for each machine. */
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { inNetns } from './inside.ts'
import { bridgeName, type Layout, lanAddress, lanPrefixLength, type Machine } from './layout.ts'
import { listMounts } from './mounts.ts'
import { run, tryRun } from './run.ts'

/** Makes the LAN unless it is there. Resolves to whether it was made. */
export async function ensureLan(layout: Layout): Promise<boolean> {
  const { netns } = layout.lan
  if (isNetns(netns)) return false
  await makeNetns(netns)
  await runNetworkPlan(netns, planLan())
  return true
}

/**
 * A bridge whose address is the machines' gateway. It leads nowhere and says so: "prohibited" ends a connection or a DNS query at
 * once, while "unreachable" counts as passing weather to UDP (icmp_err_convert in Linux), and silence is a wait.
 */
function planLan(): string[][] {
  return [
    ['ip', 'link', 'set', 'lo', 'up'],
    ['ip', 'link', 'add', bridgeName, 'type', 'bridge'],
    ['ip', 'address', 'add', `${lanAddress}/${lanPrefixLength}`, 'dev', bridgeName],
    ['ip', 'link', 'set', bridgeName, 'up'],
    ['ip', 'route', 'add', 'prohibit', 'default'],
    ['sh', '-c', 'cd /proc/sys/net/ipv4 && echo 1 > ip_forward && echo 0 > icmp_ratelimit'],
  ]
}

/** A new network namespace, with a cable to the LAN that carries unless it was cut. */
export async function plugIn(layout: Layout, machine: Machine): Promise<void> {
  await unplug(layout, machine)
  await makeNetns(machine.netns)
  const plan = planCable(machine)
  await runNetworkPlan(layout.lan.netns, plan.lan)
  await runNetworkPlan(machine.netns, plan.machine)
  if (!existsSync(machine.cutFile)) await run(inNetns(layout.lan.netns, linkCommand(machine, 'up')))
}

async function runNetworkPlan(netns: string, commands: string[][]): Promise<void> {
  try {
    for (const command of commands) await run(inNetns(netns, command))
  } catch (cause) {
    const why = `${messageOf(cause)}; the kernel needs CONFIG_BRIDGE and CONFIG_VETH ('modprobe -a bridge veth')`
    throw new CodedError('ServiceUnavailable', `cannot make the lab's network: because ${why}`, { cause })
  }
}

/** Commands for the two ends of a cable. */
function planCable(machine: Machine): { lan: string[][]; machine: string[][] } {
  const { link, mac, netns, address } = machine
  const peer = ['peer', 'name', 'eth0', 'address', mac, 'netns', netns]
  return {
    lan: [
      ['ip', 'link', 'add', 'dev', link, 'type', 'veth', ...peer],
      ['ip', 'link', 'set', 'dev', link, 'master', bridgeName],
    ],
    machine: [
      ['ip', 'link', 'set', 'lo', 'up'],
      ['ip', 'address', 'add', `${address}/${lanPrefixLength}`, 'dev', 'eth0'],
      ['ip', 'link', 'set', 'eth0', 'up'],
      ['ip', 'route', 'add', 'default', 'via', lanAddress],
    ],
  }
}

/** Removes the cable, then the namespace and all that the kernel kept in it. Idempotent. */
export async function unplug(layout: Layout, machine: Machine): Promise<void> {
  await removeLink(layout, machine)
  await removeNetns(machine.netns)
}

async function removeLink(layout: Layout, machine: Machine): Promise<void> {
  if (await hasLink(layout, machine))
    await run(inNetns(layout.lan.netns, ['ip', 'link', 'delete', 'dev', machine.link]))
}

/** Remembers the cable's state for the next start, and changes it now when the machine is plugged in. */
export async function setLink(layout: Layout, machine: Machine, to: 'up' | 'down'): Promise<void> {
  if (to === 'down') await writeFile(machine.cutFile, '')
  else await rm(machine.cutFile, { force: true })
  await applyLink(layout, machine, to)
}

/** Silences the cable without a word to either end, and without remembering it. */
export async function applyLink(layout: Layout, machine: Machine, to: 'up' | 'down'): Promise<void> {
  if (await hasLink(layout, machine)) await run(inNetns(layout.lan.netns, linkCommand(machine, to)))
}

/**
 * A namespace that a file in our own folder holds. `ip netns add` would do the same in /run/netns, but turns that folder into a
 * mount point that stays behind.
 */
async function makeNetns(file: string): Promise<void> {
  await removeNetns(file)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, '')
  await run(['unshare', `--net=${file}`, 'true'])
}

async function removeNetns(file: string): Promise<void> {
  while (isNetns(file)) await run(['umount', '--lazy', file])
  await rm(file, { force: true })
}

/** False for a machine that is off, and in a lab that was half made. */
async function hasLink(layout: Layout, machine: Machine): Promise<boolean> {
  if (!isNetns(layout.lan.netns)) return false
  return (await tryRun(inNetns(layout.lan.netns, ['ip', 'link', 'show', 'dev', machine.link]))).status === 0
}

function isNetns(file: string): boolean {
  return listMounts(file).length > 0
}

function linkCommand(machine: Machine, to: 'up' | 'down'): string[] {
  return ['ip', 'link', 'set', 'dev', machine.link, to]
}
