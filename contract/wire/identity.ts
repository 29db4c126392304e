/** Who speaks: the kinds of identity, and the one name that a certificate, a broker, RBAC and the audit log know each by. */
import { checkLabelName, checkSubdomainName, quote } from '../resources/names.ts'

export type Identity =
  /** TLS without a certificate of its own: a board that shows a join token, and nothing else. */
  | { kind: 'joining' }
  | { kind: 'node'; name: string }
  | { kind: 'user'; name: string }
  | { kind: 'serviceAccount'; namespace: string; name: string }
  /** A program that only watches which boards are there: a dashboard, a home automation. */
  | { kind: 'tool'; name: string }
  | { kind: 'master' }

export type IdentityKind = Identity['kind']

/** X.509 keeps a common name to 64 characters (RFC 5280, ub-common-name). */
export const maxUsernameLength = 64
/** What is left of it for a node's own name. */
export const maxNodeNameLength = maxUsernameLength - 'system:node:'.length

/** What is wrong with the name of a node, with what is right; undefined when nothing is. */
export function checkNodeName(name: string): string | undefined {
  return name.length > maxNodeNameLength
    ? `${quote(name)} is ${name.length} characters long: use at most ${maxNodeNameLength}`
    : checkLabelName(name)
}

/** The DNS name in every server certificate of a cluster: our own clients ask for it, whatever address led them there. */
export const masterServerName = 'flotilla-master'

const nodePrefix = 'system:node:'
const toolPrefix = 'system:tool:'
const serviceAccountPrefix = 'system:serviceaccount:'
const masterName = 'system:master'
const joiningName = 'system:joining'

/** A certificate's common name, an MQTT user name, a level of a topic, and the user of RBAC. */
export function usernameOf(identity: Identity): string {
  switch (identity.kind) {
    case 'joining':
      return joiningName
    case 'node':
      return `${nodePrefix}${identity.name}`
    case 'user':
      return identity.name
    case 'serviceAccount':
      return `${serviceAccountPrefix}${identity.namespace}:${identity.name}`
    case 'tool':
      return `${toolPrefix}${identity.name}`
    case 'master':
      return masterName
  }
}

/** The identity that a name stands for; undefined when it is nobody's. */
export function parseUsername(username: string): Identity | undefined {
  if (username === masterName) return { kind: 'master' }
  if (username === joiningName) return { kind: 'joining' }
  if (username.startsWith(nodePrefix)) return named('node', username.slice(nodePrefix.length))
  if (username.startsWith(toolPrefix)) return named('tool', username.slice(toolPrefix.length))
  if (username.startsWith(serviceAccountPrefix)) {
    const [namespace = '', name = '', ...rest] = username.slice(serviceAccountPrefix.length).split(':')
    const bad = rest.length > 0 || checkLabelName(namespace) !== undefined || checkSubdomainName(name) !== undefined
    return bad ? undefined : { kind: 'serviceAccount', namespace, name }
  }
  return checkUserName(username) === undefined ? { kind: 'user', name: username } : undefined
}

/** What is wrong with a person's name; undefined when nothing is. It becomes a level of MQTT topics, so it holds no wildcard. */
export function checkUserName(name: string): string | undefined {
  if (name.startsWith('system:')) return 'must not begin with "system:", which is kept for the cluster itself'
  if (name.length > maxUsernameLength) return `must be at most ${maxUsernameLength} characters`
  // The name is that of a User object as well.
  return checkSubdomainName(name)
}

function named(kind: 'node' | 'tool', name: string): Identity | undefined {
  return checkLabelName(name) === undefined ? { kind, name } : undefined
}
