/**
 * The table of access as the configuration of a Mosquitto (2.0) that somebody runs already. It holds for topics; what
 * Mosquitto cannot do is in docs/decisions/0011-limits-of-the-broker.md: bearer tokens, retaining by topic, rates.
 */
import { CodedError } from '../../kit/errors.ts'
import { type Access, accessOf } from './access.ts'
import { type Identity, usernameOf } from './identity.ts'
import { maxPacketBytes } from './limits.ts'

export interface MosquittoOptions {
  cluster: string
  /** All that may connect now; whoever is not listed may do nothing. Boards that join need no entry. */
  identities: Identity[]
  /** `joinPort`: for boards that have no certificate yet. */
  listen: { host?: string; port: number; joinPort: number }
  /** Paths as Mosquitto shall find them. `crl`: without it, only the ACL cuts off who was revoked. */
  files: { ca: string; cert: string; key: string; acl: string; joinAcl: string; crl?: string }
}

export interface MosquittoFiles {
  conf: string
  /** For those with a certificate. */
  acl: string
  /** For boards that join. */
  joinAcl: string
}

const maxConnections = 12_000
const maxJoining = 256

/** Throws `Invalid` when something in it would break out of its line. */
export function renderMosquitto(options: MosquittoOptions): MosquittoFiles {
  const { cluster, identities, listen, files } = options
  const words = [cluster, listen.host ?? '', ...Object.values(files), ...identities.map(usernameOf)]
  const bad = words.find(word => /\p{Cc}/u.test(word))
  if (bad !== undefined) {
    const text = `cannot render Mosquitto's configuration: because ${JSON.stringify(bad)} holds a control character`
    throw new CodedError('Invalid', text)
  }
  return { conf: renderConf(options), acl: renderAcl(cluster, identities), joinAcl: renderJoinAcl(cluster) }
}

function renderConf({ listen, files }: MosquittoOptions): string {
  const host = listen.host ?? '0.0.0.0'
  const tls = [`cafile ${files.ca}`, `certfile ${files.cert}`, `keyfile ${files.key}`, 'tls_version tlsv1.2']
  return lines(
    '# Rendered by Flotilla. Render it again after nodes or users have come or gone, and send Mosquitto a SIGHUP.',
    'per_listener_settings true',
    '# All that is retained, the master sends again.',
    'persistence false',
    `max_packet_size ${maxPacketBytes}`,
    `message_size_limit ${maxPacketBytes}`,
    'max_inflight_messages 20',
    'max_queued_messages 10000',
    `max_queued_bytes ${16 * 1024 * 1024}`,
    'queue_qos0_messages false',
    'persistent_client_expiration 1h',
    'set_tcp_nodelay true',
    '',
    '# Whoever has a certificate of the cluster: nodes, users, tools, the master. Its common name is its name.',
    `listener ${listen.port} ${host}`,
    ...tls,
    ...(files.crl === undefined ? [] : [`crlfile ${files.crl}`]),
    'require_certificate true',
    'use_identity_as_username true',
    'allow_anonymous false',
    `acl_file ${files.acl}`,
    `max_connections ${maxConnections}`,
    '',
    '# Boards that join: TLS, but no certificate yet. What they call themselves is nobody here.',
    `listener ${listen.joinPort} ${host}`,
    ...tls,
    'require_certificate false',
    'allow_anonymous true',
    'allow_zero_length_clientid false',
    `acl_file ${files.joinAcl}`,
    `max_connections ${maxJoining}`,
  )
}

/**
 * `%c` stands for the client id in a `pattern` only, and a pattern holds for everybody: so that level is `+` here. It is
 * still below the identity's own name, so that one program of a user may at most hear another of the same user.
 */
function renderAcl(cluster: string, identities: Identity[]): string {
  const sections = identities
    .filter(({ kind }) => kind !== 'joining')
    .map(identity => ['', `user ${usernameOf(identity)}`, ...rules('topic', accessOf(cluster, identity, '+'))])
  return lines('# Rendered by Flotilla. What is not here is refused.', ...sections.flat())
}

function renderJoinAcl(cluster: string): string {
  const access = accessOf(cluster, { kind: 'joining' }, '%c')
  return lines(
    '# Rendered by Flotilla: a board that joins has its own client id, and nothing else.',
    ...rules('pattern', access),
  )
}

function rules(word: 'topic' | 'pattern', { publish, hear }: Access): string[] {
  return [...publish.map(({ filter }) => `${word} write ${filter}`), ...hear.map(filter => `${word} read ${filter}`)]
}

function lines(...of: string[]): string {
  return `${of.join('\n')}\n`
}
