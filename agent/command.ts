/** `flotilla agent`: makes this board a node. */
import { hostname } from 'node:os'
import type { ResourceList } from '../contract/resources/meta.ts'
import { checkLabelName } from '../contract/resources/names.ts'
import { isQuantity } from '../contract/resources/quantity.ts'
import { type ProfileName, profiles } from '../contract/wire/fleet.ts'
import { systemClock } from '../kit/clock.ts'
import type { Command, Input } from '../kit/command-line.ts'
import { CodedError } from '../kit/errors.ts'
import { createLog, type Level } from '../kit/log.ts'
import { untilSignalled } from '../kit/process.ts'
import { systemRandom } from '../kit/random.ts'
import { type AgentOptions, startAgent } from './agent.ts'

export const agentCommand: Command = {
  name: 'agent',
  summary: 'Make this board a node of a cluster',
  options: [
    { flags: '--master <url>', summary: 'where the master is: mqtt://HOST:PORT' },
    { flags: '--cluster <name>', summary: 'name of the cluster', default: 'home' },
    { flags: '--name <node>', summary: 'name of this node', default: hostname().toLowerCase().split('.')[0] ?? 'node' },
    { flags: '--data <dir>', summary: 'where the agent keeps what it knows', default: '/var/lib/flotilla' },
    { flags: '--containerd <socket>', summary: "containerd's socket", default: '/run/containerd/containerd.sock' },
    { flags: '--cni-conf <dir>', summary: 'where containerd looks for CNI configurations', default: '/etc/cni/net.d' },
    {
      flags: '--cgroup-parent <path>',
      summary: 'cgroup of all pods: a path, or NAME.slice where systemd owns the cgroups',
      default: '/flotilla',
    },
    { flags: '--profile <name>', summary: 'how much to talk', choices: Object.keys(profiles), default: 'lan' },
    { flags: '--capacity <list>', summary: 'what pods may have of this board, as in cpu=2,memory=1Gi (default: all)' },
    {
      flags: '--log-level <level>',
      summary: 'what to log',
      choices: ['debug', 'info', 'warn', 'error'],
      default: 'info',
    },
  ],
  examples: [
    '$ flotilla agent --master mqtt://192.168.1.10:1883',
    '$ flotilla agent --master mqtt://pi-1.local:1883 --name kitchen --capacity cpu=2,memory=1Gi',
  ],
  async run(input) {
    const options = readOptions(input)
    const agent = await startAgent(options)
    await untilSignalled()
    await agent.stop()
    return 0
  },
}

function readOptions({ options }: Input): AgentOptions {
  const text = (name: string): string => String(options[name] ?? '')
  if (!options['master']) {
    throw new CodedError(
      'BadRequest',
      'cannot start the agent: because --master is missing, as in --master mqtt://192.168.1.10:1883',
    )
  }
  for (const name of ['name', 'cluster']) {
    const problem = checkLabelName(text(name))
    if (problem) throw new CodedError('Invalid', `cannot start the agent: because --${name} ${problem}`)
  }
  return {
    masterUrl: text('master'),
    cluster: text('cluster'),
    nodeName: text('name'),
    dataDirectory: text('data'),
    containerdSocket: text('containerd'),
    cniConfDir: text('cniConf'),
    cgroupParent: text('cgroupParent'),
    profile: text('profile') as ProfileName,
    offered: readCapacity(text('capacity')),
    clock: systemClock,
    random: systemRandom,
    log: createLog({ level: text('logLevel') as Level }),
  }
}

function readCapacity(text: string): ResourceList {
  const pairs = text === '' ? [] : text.split(',').map(pair => pair.split('=') as [string, string])
  for (const [resource, quantity] of pairs) {
    if ((resource !== 'cpu' && resource !== 'memory') || !isQuantity(quantity ?? '')) {
      throw new CodedError('Invalid', `cannot read --capacity ${text}: because it must look like cpu=2,memory=1Gi`)
    }
  }
  return Object.fromEntries(pairs)
}
