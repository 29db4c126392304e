/** `flotilla master`: runs the master of a cluster on this board. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { checkLabelName } from '../contract/resources/names.ts'
import { type ProfileName, profiles } from '../contract/wire/fleet.ts'
import { systemClock } from '../kit/clock.ts'
import type { Command, Input, Option } from '../kit/command-line.ts'
import { CodedError, messageOf } from '../kit/errors.ts'
import { createLog, type Level } from '../kit/log.ts'
import { untilSignalled } from '../kit/process.ts'
import { systemRandom } from '../kit/random.ts'
import { type AuditLevel, auditLevels } from './audit/audit-entry.ts'
import type { ListenAddress } from './broker/listener.ts'
import { defaultTlsPort } from './broker-connection.ts'
import { initCluster } from './init-cluster.ts'
import { describeInit, findCaller, initCommand } from './init-command.ts'
import { type MasterOptions, startMaster } from './master.ts'
import { adminPathOf } from './trust/trust.ts'

/** Whom a certificate names is the same here: the mode only keeps strangers from trying. */
const socketMode = 0o660

const placeOptions: Option[] = [
  { flags: '--cluster <name>', summary: 'name of the cluster', default: 'home' },
  { flags: '--data <dir>', summary: "where the cluster's state and keys live", default: '/var/lib/flotilla/master' },
  {
    flags: '--listen <address>',
    summary: 'where agents and users connect, with TLS',
    default: `0.0.0.0:${defaultTlsPort}`,
  },
  {
    flags: '--socket <path>',
    summary: 'the same, for users on this board',
    default: '/run/flotilla-master/master.sock',
  },
  {
    flags: '--advertise <host:port>',
    summary: 'where others find it, if not at the addresses of this board; may be repeated',
    repeats: true,
  },
  { flags: '--broker <url>', summary: 'use this MQTT broker instead of the built-in one: mqtts://HOST:PORT' },
]

export const masterCommand: Command = {
  name: 'master',
  summary: 'Run the master of a cluster on this board',
  options: [
    ...placeOptions,
    { flags: '--plain-listen <address>', summary: 'also listen without TLS, on 127.0.0.1 only' },
    { flags: '--websocket-listen <address>', summary: 'also listen for MQTT over WebSocket, with TLS' },
    { flags: '--broker-files <dir>', summary: "keep that broker's files there, if it is a Mosquitto" },
    { flags: '--broker-pid <file>', summary: 'its pid_file: it is told when they change' },
    { flags: '--broker-ca <file>', summary: "the CA of that broker's certificate, if it is not the cluster's" },
    { flags: '--no-mdns', summary: 'do not tell the LAN where this master is: boards find it by the join line alone' },
    { flags: '--profile <name>', summary: 'how much to talk', choices: Object.keys(profiles), default: 'lan' },
    {
      flags: '--audit <level>',
      summary: 'what to keep of who did what, in <data>/audit',
      choices: [...auditLevels],
      default: 'changes',
    },
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
    '$ flotilla master --listen 192.168.1.10:8883 --cluster garden',
    '$ flotilla master --advertise master.example.org:8883   # as boards on another network know it',
    '$ flotilla master --broker mqtts://127.0.0.1:8883       # Mosquitto carries the traffic',
  ],
  commands: [initCommand(placeOptions, readOptions)],
  async run(input) {
    const options = readOptions(input)
    // Somebody watches, and has no way in yet.
    if (process.stderr.isTTY && !existsSync(adminPathOf(options.dataDirectory))) {
      process.stderr.write(describeInit(await initCluster(options, await findCaller(process.env))))
    }
    const master = await startMaster(options)
    // Whoever supervises us starts a new one, which reads back what is safely on the disk.
    const status = await Promise.race([untilSignalled().then(() => 0), master.failed.then(() => 1)])
    await master.stop()
    return status
  },
}

function readOptions({ options }: Input): MasterOptions {
  const text = (name: string): string => String(options[name] ?? '')
  const given = (name: string): string | undefined => (options[name] === undefined ? undefined : text(name))
  const problem = checkLabelName(text('cluster'))
  if (problem) throw new CodedError('Invalid', `cannot start the master: because --cluster ${problem}`)
  return {
    cluster: text('cluster'),
    dataDirectory: text('data'),
    listen: readListeners(text, given),
    advertise: [options['advertise'] ?? []].flat().map(value => readAdvertised(String(value))),
    brokerUrl: given('broker'),
    mdns: options['mdns'] !== false,
    brokerFiles: brokerFilesOf(given('brokerFiles'), given('brokerPid')),
    brokerCa: readCa(given('brokerCa')),
    profile: (given('profile') ?? 'lan') as ProfileName,
    audit: (given('audit') ?? 'changes') as AuditLevel,
    clusterCIDR: text('clusterCidr'),
    serviceCIDR: text('serviceCidr'),
    clock: systemClock,
    random: systemRandom,
    log: createLog({ level: (given('logLevel') ?? 'info') as Level }),
  }
}

function brokerFilesOf(directory: string | undefined, pidFile: string | undefined): MasterOptions['brokerFiles'] {
  if (directory === undefined && pidFile !== undefined) {
    throw new CodedError('Invalid', 'cannot use --broker-pid: because it goes with --broker-files')
  }
  // Mosquitto may run in another folder.
  return directory === undefined ? undefined : { directory: resolve(directory), pidFile }
}

function readListeners(text: (name: string) => string, given: (name: string) => string | undefined): ListenAddress[] {
  const [plain, websocket] = [given('plainListen'), given('websocketListen')]
  return [
    { type: 'tls', ...readListen(text('listen')) },
    { type: 'tls-unix', socketPath: text('socket'), mode: socketMode },
    ...(plain === undefined ? [] : [{ type: 'plain' as const, ...readListen(plain, '127.0.0.1') }]),
    ...(websocket === undefined ? [] : [{ type: 'websocket' as const, ...readListen(websocket) }]),
  ]
}

function readListen(text: string, anywhere = '0.0.0.0'): { host: string; port: number } {
  const { host, port } = /^(?:(?<host>[^:]+|\[.+\]):)?(?<port>\d+)$/.exec(text)?.groups ?? {}
  if (port === undefined || Number(port) > 65535) {
    throw new CodedError('Invalid', `cannot listen on "${text}": because it must look like 0.0.0.0:${defaultTlsPort}`)
  }
  return { host: (host ?? anywhere).replace(/^\[|\]$/g, ''), port: Number(port) }
}

function readAdvertised(text: string): string {
  const { port } = /^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):(?<port>\d+)$/.exec(text)?.groups ?? {}
  if (port !== undefined && Number(port) <= 65535) return text
  throw new CodedError('Invalid', `cannot advertise "${text}": because it must look like HOST:${defaultTlsPort}`)
}

function readCa(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : readFileSync(path, 'utf8')
  } catch (error) {
    throw new CodedError('Invalid', `cannot read --broker-ca ${path}: because ${messageOf(error)}`, { cause: error })
  }
}
