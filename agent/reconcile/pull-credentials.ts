/** Finds in a pod's imagePullSecrets who to be at the registry of an image (kubernetes.io/dockerconfigjson). Pure. */
import { isFields } from '../../contract/resources/fields.ts'
import type { SecretContents } from '../../contract/wire/fleet.ts'
import type { PullCredentials } from '../runtime/runtime.ts'

const dockerHub = 'docker.io'
/** What Docker itself calls its hub in its configuration. */
const hubNames = ['index.docker.io', 'registry-1.docker.io', 'docker.io']

/** The longest fitting entry wins: `registry.example/team` before `registry.example`. */
export function findCredentials(secrets: readonly SecretContents[], image: string): PullCredentials | undefined {
  const wanted = repositoryOf(image)
  const fitting = secrets
    .flatMap(readEntries)
    .filter(({ place }) => wanted === place || wanted.startsWith(`${place}/`))
    .sort((left, right) => right.place.length - left.place.length)
  return fitting[0]?.credentials
}

/** `nginx:1` is `docker.io/library/nginx`: without a dot, a colon or `localhost` the first part names no host. */
function repositoryOf(image: string): string {
  const [bare = ''] = image.split('@')
  const [host = '', ...rest] = bare.split('/')
  const isHost = rest.length > 0 && (/[.:]/.test(host) || host === 'localhost')
  if (!isHost) return `${dockerHub}/${rest.length > 0 ? bare : `library/${bare}`}`
  return hubNames.includes(host) ? [dockerHub, ...rest].join('/') : bare
}

function readEntries({ data }: SecretContents): Array<{ place: string; credentials: PullCredentials }> {
  const modern = parse(data['.dockerconfigjson'])
  const auths = modern ? modern['auths'] : parse(data['.dockercfg'])
  return Object.entries(isFields(auths) ? auths : {}).flatMap(([server, entry]) => {
    const credentials = isFields(entry) ? readEntry(entry) : undefined
    return credentials ? [{ place: placeOf(server), credentials }] : []
  })
}

/** `https://index.docker.io/v1/` as Docker writes it, or a host, with or without a path. */
function placeOf(server: string): string {
  const [host = '', ...path] = server
    .replace(/^https?:\/\//, '')
    .replace(/\/v[12]\/?$/, '')
    .replace(/\/+$/, '')
    .split('/')
  return [hubNames.includes(host) ? dockerHub : host, ...path].join('/')
}

function readEntry({ username, password, auth }: Record<string, unknown>): PullCredentials | undefined {
  if (typeof username === 'string' && typeof password === 'string') return { username, password }
  if (typeof auth !== 'string') return undefined
  const [name = '', ...rest] = Buffer.from(auth, 'base64').toString().split(':')
  return rest.length === 0 ? undefined : { username: name, password: rest.join(':') }
}

/** Undefined for what is no such file: another secret may have it, and the registry will say what it misses. */
function parse(base64: string | undefined): Record<string, unknown> | undefined {
  if (base64 === undefined) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, 'base64').toString())
    return isFields(value) ? value : undefined
  } catch {
    return undefined // the parser's words would repeat a part of it
  }
}
