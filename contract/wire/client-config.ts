/** The file that says which clusters a person may command, and how: written by the master and by `user create`, read by the CLI. */

/** One way into one cluster. Certificates and keys are PEM texts in the file itself, so that one file is all there is to carry. */
export interface ClientContext {
  name: string
  cluster: string
  /** URL of a broker, such as `mqtts://board-1.local:8883`; `servers`: several, tried in this order. */
  server?: string
  servers?: string[]
  namespace?: string
  /** Whose certificate or token it is. */
  username?: string
  /** The CA that the server's certificate must come from. */
  ca?: string
  /** Either both of these … */
  certificate?: string
  key?: string
  /** … or this bearer token. */
  token?: string
}

export interface ClientConfig {
  'current-context'?: string
  contexts: ClientContext[]
}

/** No configuration is longer. */
export const maxClientConfigBytes = 256 * 1024
const maxContexts = 100
const maxServers = 16
const texts = ['namespace', 'username', 'ca', 'certificate', 'key', 'token'] as const

/** Throws an Error that names what is wrong and never repeats a value: it may be a key. Fields that it does not know are kept. */
export function checkClientConfig(value: unknown): ClientConfig {
  const config = value as Partial<ClientConfig> | null | undefined
  if (typeof config !== 'object' || config === null || !Array.isArray(config.contexts))
    throw new Error('it has no list "contexts"')
  if (config.contexts.length > maxContexts) throw new Error(`it has more than ${maxContexts} contexts`)
  const current = config['current-context']
  if (current !== undefined && typeof current !== 'string') throw new Error('current-context is no text')
  for (const [index, context] of config.contexts.entries()) {
    const problem = problemOf(context)
    if (problem !== undefined) throw new Error(`contexts[${index}]${problem}`)
  }
  return config as ClientConfig
}

/** The servers of a context, in the order in which to try them. */
export function serversOf({ server, servers }: ClientContext): string[] {
  return servers ?? (server === undefined ? [] : [server])
}

/**
 * The configuration with `context` in it. It takes the place of the one of its name, unless that one belongs to another CA: then
 * it gets a name of its own, and nobody loses a way in. The first context becomes the current one.
 */
export function mergeContext(
  config: ClientConfig | undefined,
  context: ClientContext,
): { config: ClientConfig; name: string } {
  const others = config?.contexts ?? []
  const name = freeName(others, context)
  const named = { ...context, name }
  const isThere = others.some(other => other.name === name)
  const contexts = isThere ? others.map(other => (other.name === name ? named : other)) : [...others, named]
  const current = config?.['current-context'] ?? others[0]?.name ?? name
  return { config: { ...config, 'current-context': current, contexts }, name }
}

function freeName(others: ClientContext[], { name, ca }: ClientContext): string {
  const isForeign = (candidate: string): boolean =>
    others.some(other => other.name === candidate && other.ca !== undefined && other.ca.trim() !== ca?.trim())
  if (!isForeign(name)) return name
  for (let number = 2; ; number++) if (!isForeign(`${name}-${number}`)) return `${name}-${number}`
}

/** What is wrong with one context, beginning with the path below it. */
function problemOf(context: unknown): string | undefined {
  if (typeof context !== 'object' || context === null) return ' is no object'
  const of = context as Record<string, unknown>
  for (const field of ['name', 'cluster']) if (!isText(of[field])) return `.${field} is no text`
  for (const field of texts) if (of[field] !== undefined && !isText(of[field])) return `.${field} is no text`
  const { server, servers } = of
  if (server !== undefined && !isText(server)) return '.server is no text'
  if (servers !== undefined && (!Array.isArray(servers) || servers.length === 0 || !servers.every(isText)))
    return '.servers is no list of texts'
  if (Array.isArray(servers) && servers.length > maxServers) return `.servers has more than ${maxServers} entries`
  if (server === undefined && servers === undefined) return '.server is no text'
  if ((of['certificate'] === undefined) !== (of['key'] === undefined))
    return ' has a certificate or a key, but not both'
  return undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
