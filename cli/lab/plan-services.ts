/** What runs on each machine of the lab, and with which words. Pure. */
import { bytesOf, milliCpu } from '../../contract/resources/quantity.ts'
import type { Limits } from './cgroups.ts'
import { type Machine, masterAddress, mqttPort } from './layout.ts'
import { containerdConfigDir } from './render-containerd-config.ts'
import type { Service } from './render-init.ts'
import type { Lab, LabState } from './state.ts'

export const clusterName = 'lab'

export function servicesOf(lab: Lab, machine: Machine): Service[] {
  return machine.role === 'master' ? [masterService(lab, machine)] : [containerdService, agentService(lab, machine)]
}

export function limitsOf({ cpu, memory }: LabState): Limits {
  return {
    ...(cpu !== undefined && { milliCpu: milliCpu(cpu) }),
    ...(memory !== undefined && { memoryBytes: bytesOf(memory) }),
  }
}

const containerdService: Service = {
  name: 'containerd',
  command: ['containerd', '--config', `${containerdConfigDir}/config.toml`],
  restartSeconds: 1,
}

function masterService({ layout, state }: Lab, machine: Machine): Service {
  const flags = {
    cluster: clusterName,
    data: `${machine.dir}/data`,
    listen: `0.0.0.0:${mqttPort}`,
    socket: layout.masterSocket,
    profile: 'lan',
  }
  return { name: 'master', command: [...state.program, 'master', ...flagsOf(flags)], restartSeconds: 0.2 }
}

function agentService({ state }: Lab, machine: Machine): Service {
  const capacity = [state.cpu && `cpu=${state.cpu}`, state.memory && `memory=${state.memory}`].filter(Boolean)
  const flags = {
    master: `mqtt://${masterAddress}:${mqttPort}`,
    cluster: clusterName,
    name: machine.name,
    'cgroup-parent': `/${machine.podsCgroup}`,
    ...(capacity.length > 0 && { capacity: capacity.join(',') }),
  }
  return { name: 'agent', command: [...state.program, 'agent', ...flagsOf(flags)], restartSeconds: 0.2 }
}

function flagsOf(flags: Record<string, string>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
}
