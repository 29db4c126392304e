/** `flotilla master`: runs the master of a cluster on this board. */
import { checkLabelName } from '../contract/resources/names.ts'
import { type ProfileName, profiles } from '../contract/wire/fleet.ts'
import { systemClock } from '../kit/clock.ts'
import type { Command, Input } from '../kit/command-line.ts'
import { CodedError } from '../kit/errors.ts'
import { createLog, type Level } from '../kit/log.ts'
import { untilSignalled } from '../kit/process.ts'
import { systemRandom } from '../kit/random.ts'
import { type MasterOptions, startMaster } from './master.ts'

const defaultPort = 1883
/** Whoever may open the socket may command the cluster: root and the group of the master. */
const socketMode = 0o660

export const masterCommand: Command = {
  name: 'master',
  summary: 'Run the master of a cluster on this board',
  options: [
    { flags: '--cluster <name>', summary: 'name of the cluster', default: 'home' },
    { flags: '--data <dir>', summary: "where the cluster's state lives", default: '/var/lib/flotilla/master' },
    { flags: '--listen <address>', summary: 'where agents and users connect', default: `0.0.0.0:${defaultPort}` },
    { flags: '--socket <path>', summary: 'the same, for users on this board', default: '/run/flotilla/master.sock' },
    { flags: '--broker <url>', summary: 'use this MQTT broker instead of the built-in one: mqtt://HOST:PORT' },
    { flags: '--profile <name>', summary: 'how much to talk', choices: Object.keys(profiles), default: 'lan' },
    { flags: '--cluster-cidr <range>', summary: "pods' addresses; each node gets a /24", default: '10.244.0.0/16' },
    { flags: '--service-cidr <range>', summary: "services' addresses", default: '10.96.0.0/16' },
    {
      flags: '--log-level <level>',
      summary: 'what to log',
      choices: ['debug', 'info', 'warn', 'error'],
      default: 'info',
    },
  ],
  examples: [
    '$ flotilla master',
    '$ flotilla master --listen 192.168.1.10:1883 --cluster garden',
    '$ flotilla master --broker mqtt://127.0.0.1:1883   # Mosquitto carries the traffic',
  ],
  async run(input) {
    const master = await startMaster(readOptions(input))
    // Whoever supervises us starts a new one, which reads back what is safely on the disk.
    const status = await Promise.race([untilSignalled().then(() => 0), master.failed.then(() => 1)])
    await master.stop()
    return status
  },
}

function readOptions({ options }: Input): MasterOptions {
  const text = (name: string): string => String(options[name] ?? '')
  const problem = checkLabelName(text('cluster'))
  if (problem) throw new CodedError('Invalid', `cannot start the master: because --cluster ${problem}`)
  return {
    cluster: text('cluster'),
    dataDirectory: text('data'),
    listen: [readListen(text('listen')), { socketPath: text('socket'), mode: socketMode }],
    brokerUrl: options['broker'] === undefined ? undefined : text('broker'),
    profile: text('profile') as ProfileName,
    clusterCIDR: text('clusterCidr'),
    serviceCIDR: text('serviceCidr'),
    clock: systemClock,
    random: systemRandom,
    log: createLog({ level: text('logLevel') as Level }),
  }
}

function readListen(text: string): { host: string; port: number } {
  const { host, port } = /^(?:(?<host>[^:]+|\[.+\]):)?(?<port>\d+)$/.exec(text)?.groups ?? {}
  if (port === undefined || Number(port) > 65535) {
    throw new CodedError('Invalid', `cannot listen on "${text}": because it must look like 0.0.0.0:1883`)
  }
  return { host: host ?? '0.0.0.0', port: Number(port) }
}
