/** What runs on each machine of the lab, and with which words. Pure. */
import { onBoard } from '../../contract/card/card-places.ts'
import { bytesOf, milliCpu } from '../../contract/resources/quantity.ts'
import type { Limits } from './cgroups.ts'
import { type Machine, mqttPort } from './layout.ts'
import { masterUid } from './master-user.ts'
import { containerdConfigDir } from './render-containerd-config.ts'
import { masterDataDir, type Service } from './render-init.ts'
import type { Lab, LabState } from './state.ts'

export const clusterName = 'lab'
/** Those of flotilla-agent.service, in setpriv's words: what works in the lab works there. */
export const agentCapabilities = ['net_admin', 'dac_override', 'chown', 'fowner', 'kill']

export function servicesOf(lab: Lab, machine: Machine): Service[] {
  return machine.role === 'master' ? masterServices(lab) : [containerdService, agentService(lab, machine)]
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

/** As flotilla-master.service has it: its own user, and nothing that root may do. */
function masterServices({ layout, state }: Lab): Service[] {
  const uid = masterUid(layout)
  const own = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...capabilities([])]
  const files = `${masterDataDir}/broker`
  const flags = {
    cluster: clusterName,
    data: masterDataDir,
    listen: `0.0.0.0:${mqttPort}`,
    profile: 'lan',
    ...(state.broker
      ? { broker: `mqtts://127.0.0.1:${mqttPort}`, 'broker-files': files, 'broker-pid': '/run/broker.pid' }
      : { socket: layout.masterSocket }),
  }
  // A packed program keeps its addons where systemd says that the service's own directory is.
  const command = [...own, 'env', `STATE_DIRECTORY=${masterDataDir}`, ...state.program, 'master', ...flagsOf(flags)]
  const master: Service = { name: 'master', command, restartSeconds: 0.2 }
  if (!state.broker) return [master]
  // It listens on no unix socket with TLS: the way from this machine's users to its port is a relay, which reads nothing.
  const relay = ['lab', 'relay', `unix:${layout.masterSocket}`, `tcp:127.0.0.1:${mqttPort}`]
  return [
    master,
    { name: 'broker', command: [...own, 'mosquitto', '-c', `${files}/mosquitto.conf`], restartSeconds: 0.2 },
    { name: 'relay', command: [...state.program, ...relay], restartSeconds: 0.2 },
  ]
}

function agentService({ state }: Lab, machine: Machine): Service {
  const capacity = [state.cpu && `cpu=${state.cpu}`, state.memory && `memory=${state.memory}`].filter(Boolean)
  const flags = {
    join: onBoard.join,
    name: machine.name,
    'cgroup-parent': `/${machine.podsCgroup}`,
    ...(capacity.length > 0 && { capacity: capacity.join(',') }),
  }
  const command = ['setpriv', ...capabilities(agentCapabilities), ...state.program, 'agent', ...flagsOf(flags)]
  return { name: 'agent', command, restartSeconds: 0.2 }
}

/** Nothing that is run later can have more, whatever its file says. */
function capabilities(kept: string[]): string[] {
  const set = ['-all', ...kept.map(name => `+${name}`)].join(',')
  return [`--bounding-set=${set}`, '--inh-caps=-all', '--no-new-privs', '--']
}

function flagsOf(flags: Record<string, string>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
}
