/**
 * Who may publish, subscribe to and receive which topics: one table for every broker. The embedded one asks it at each packet;
 * for Mosquitto it is rendered as an ACL file. What is not in it is refused.
 */
import { type Identity, type IdentityKind, usernameOf } from './identity.ts'
import { wirePrefix } from './topics.ts'

/** A row: what one kind of identity may do below the cluster's own prefix. */
interface Row {
  of: IdentityKind
  may: 'publish' | 'hear'
  /**
   * `{name}` is the identity's own name, `{username}` its username, `{client}` the id of its MQTT client; `+` and `#` as in
   * MQTT, for a publisher too: any one level, any rest.
   */
  topic: string
  /** The broker may keep the message. */
  retain?: true
}

const rows: Row[] = [
  { of: 'joining', may: 'publish', topic: 'join/{client}/requests' },
  { of: 'joining', may: 'hear', topic: 'join/{client}/replies' },

  { of: 'node', may: 'publish', topic: 'nodes/{name}/presence', retain: true },
  { of: 'node', may: 'publish', topic: 'nodes/{name}/beat' },
  { of: 'node', may: 'publish', topic: 'nodes/{name}/report' },
  { of: 'node', may: 'publish', topic: 'nodes/{name}/replies' },
  { of: 'node', may: 'publish', topic: 'nodes/{name}/streams/+/down' },
  { of: 'node', may: 'publish', topic: 'clients/{username}/{client}/requests' },
  { of: 'node', may: 'hear', topic: 'master/presence' },
  { of: 'node', may: 'hear', topic: 'network/#' },
  { of: 'node', may: 'hear', topic: 'nodes/{name}/wish/#' },
  { of: 'node', may: 'hear', topic: 'nodes/{name}/requests' },
  { of: 'node', may: 'hear', topic: 'nodes/{name}/streams/+/up' },
  { of: 'node', may: 'hear', topic: 'clients/{username}/{client}/replies' },

  ...clientRows('user'),
  ...clientRows('serviceAccount'),

  { of: 'tool', may: 'hear', topic: 'master/presence' },
  { of: 'tool', may: 'hear', topic: 'nodes/+/presence' },

  { of: 'master', may: 'publish', topic: '#', retain: true },
  { of: 'master', may: 'hear', topic: '#' },
]

/** What these may do beyond speaking and listening is for the API to say: RBAC. */
function clientRows(of: IdentityKind): Row[] {
  return [
    { of, may: 'publish', topic: 'clients/{username}/{client}/requests' },
    { of, may: 'publish', topic: 'clients/{username}/{client}/streams/+/up' },
    { of, may: 'hear', topic: 'clients/{username}/{client}/replies' },
    { of, may: 'hear', topic: 'clients/{username}/{client}/streams/+/down' },
  ]
}

/** What one connection may do, as MQTT filters: a topic that one of them matches, a filter that one of them covers. */
export interface Access {
  publish: Array<{ filter: string; retain: boolean }>
  /** To subscribe to, and to receive. */
  hear: string[]
}

/** `clientId`: of the MQTT connection. `+` when any client of this identity is meant. */
export function accessOf(cluster: string, identity: Identity, clientId: string): Access {
  const fill = ({ topic }: Row): string => `${wirePrefix}/${cluster}/${fillIn(topic, identity, clientId)}`
  const own = rows.filter(({ of }) => of === identity.kind)
  return {
    publish: own
      .filter(({ may }) => may === 'publish')
      .map(row => ({ filter: fill(row), retain: row.retain ?? false })),
    hear: own.filter(({ may }) => may === 'hear').map(fill),
  }
}

function fillIn(topic: string, identity: Identity, clientId: string): string {
  const name = 'name' in identity ? identity.name : ''
  const values: Record<string, string> = { '{name}': name, '{username}': usernameOf(identity), '{client}': clientId }
  return topic
    .split('/')
    .map(level => values[level] ?? level)
    .join('/')
}
