/** Prepares a lab to be attacked: whom the attackers have taken over, what they may not have, and keys that should open nothing. */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '../../contract/resources/pod.ts'
import { helloImage } from '../../images/hello.ts'
import { rfc3339, systemClock } from '../../kit/clock.ts'
import { signToken } from '../../kit/jose.ts'
import { systemRandom } from '../../kit/random.ts'
import { type Credentials, createCa, generateKey, issueCertificate, publicKeyOf } from '../../kit/x509.ts'
import { newSerial } from '../../master/trust/serial.ts'
import { type Fleet, waitFor } from '../support/fleet.ts'
import type { Arena } from './arena.ts'
import type { Pair } from './raw-client.ts'

const dayMs = 24 * 60 * 60 * 1000

/** `board`: the one that the attackers have. */
export async function buildArena(fleet: Fleet, board: string, joinPort = 8883): Promise<Arena> {
  const secret = `planted-${systemRandom.suffix(24)}`
  await apply(fleet, manifests(secret))
  await fleet.run('user', 'create', 'curious', '--role', 'view', '-n', 'shop', '--out', fileOf(fleet, 'curious'))
  await fleet.run('user', 'create', 'gone', '--role', 'view', '-n', 'shop', '--out', fileOf(fleet, 'gone'))
  const revokedUser = await pairOfUser(fleet, 'gone')
  await fleet.run('user', 'revoke', 'gone', '-y')
  const keeper = await waitFor('the keeper', async () => {
    const [pod] = (await fleet.pods('-n', 'vault')).filter(({ status }) => status?.phase === 'Running')
    return pod
  })
  const deleted = await tokenOfDeletedAccount(fleet)
  const { ca, pairs } = await makePairs(fleet, board)
  return {
    target: { host: '10.77.0.2', port: 8883 },
    joinTarget: { host: '10.77.0.2', port: joinPort },
    cluster: 'lab',
    ca,
    pairs: { ...pairs, user: await pairOfUser(fleet, 'curious'), revokedUser },
    nodeName: board,
    userName: 'curious',
    otherNode: 'board-1',
    otherPod: podOf(keeper),
    namespace: 'shop',
    foreignNamespace: 'vault',
    joinTokens: await makeJoinTokens(fleet),
    bearers: { unsigned: unsignedToken(), forged: await forgedToken(), deleted },
    secret,
  }
}

function manifests(secret: string): unknown[] {
  const pod = (namespace: string, name: string, spec: object): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { nodeSelector: { 'kubernetes.io/hostname': 'board-1' }, ...spec },
  })
  const container = { name: 'hello', image: helloImage, volumeMounts: [{ name: 'planted', mountPath: '/planted' }] }
  const volumes = [{ name: 'planted', secret: { secretName: 'planted' } }]
  const inNamespace = (namespace: string): object[] => [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'planted', namespace }, stringData: { key: secret } },
  ]
  return [
    ...inNamespace('vault'),
    ...inNamespace('shop'),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'keeper', namespace: 'vault' } },
    pod('vault', 'keeper', { serviceAccountName: 'keeper', containers: [container], volumes }),
    pod('shop', 'shop', { containers: [container], volumes }),
  ]
}

function podOf({ metadata, spec }: Pod): Arena['otherPod'] {
  const { namespace = '', name, uid = '' } = metadata
  return { namespace, name, uid, serviceAccount: spec.serviceAccountName ?? '' }
}

async function makePairs(
  fleet: Fleet,
  board: string,
): Promise<{ ca: string; pairs: Omit<Arena['pairs'], 'user' | 'revokedUser'> }> {
  const pki = (name: string): Promise<string> => readFile(join(fleet.lab.dir, 'master/data/pki', name), 'utf8')
  const ca: Credentials = { certificate: await pki('ca.crt'), key: await pki('ca.key') }
  const own = JSON.parse(await readFile(join(fleet.lab.dir, board, 'flotilla/identity/identity.json'), 'utf8')) as Pair
  const foreignCa = await createCa({ subject: { commonName: 'flotilla CA' }, ...times(30), serialNumber: '01' })
  return {
    ca: ca.certificate,
    pairs: {
      node: { certificate: own.certificate, key: own.key },
      expired: await issue(ca, `system:node:${board}`, { key: own.key, days: -1 }),
      foreign: await issue(foreignCa, 'admin', {}),
      selfSigned: foreignCa,
      wrongKey: await issue(ca, `system:node:${board}`, {}),
      server: { certificate: await pki('server.crt'), key: await pki('server.key') },
    },
  }
}

async function issue(ca: Credentials, commonName: string, options: { key?: string; days?: number }): Promise<Pair> {
  const { key = generateKey(), days = 30 } = options
  const certificate = await issueCertificate({
    ca,
    subject: { commonName },
    publicKey: publicKeyOf(key),
    use: 'client',
    ...times(days),
    serialNumber: newSerial(systemClock.now(), systemRandom),
  })
  return { certificate, key }
}

function times(days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(0), notAfter: new Date(systemClock.now() + days * dayMs) }
}

async function pairOfUser(fleet: Fleet, name: string): Promise<Pair> {
  const { parseYamlDocuments } = await import('../../contract/manifest/yaml.ts')
  const path = fileOf(fleet, name)
  const { documents } = parseYamlDocuments(await readFile(path, 'utf8'), path)
  const config = documents[0]?.value as { contexts: Pair[] } | undefined
  const { certificate = '', key = '' } = config?.contexts[0] ?? {}
  return { certificate, key }
}

function fileOf(fleet: Fleet, name: string): string {
  return join(fleet.lab.dir, `${name}.yaml`)
}

/** `used` is good until the first attack uses it up. */
async function makeJoinTokens(fleet: Fleet): Promise<Arena['joinTokens']> {
  const create = async (...words: string[]): Promise<string> => {
    const line = await fleet.run('token', 'create', ...words)
    return /\/\/([^@]+)@/.exec(line)?.[1] ?? ''
  }
  const revoked = await create()
  await fleet.run('token', 'revoke', revoked.slice(0, 6))
  const expired = await expiredToken(fleet)
  return { revoked, expired, used: await create(), bound: await create('--node', 'board-9'), fresh: await create() }
}

async function expiredToken(fleet: Fleet): Promise<string> {
  const token = `${systemRandom.suffix(6)}.${systemRandom.suffix(26)}`
  const tokenHash = createHash('sha256').update(token).digest('hex')
  const expirationTimestamp = rfc3339(systemClock.now() - 1000)
  const metadata = { name: token.slice(0, 6) }
  const spec = { tokenHash, expirationTimestamp, uses: 1 }
  await apply(fleet, [{ apiVersion: 'flotilla.dev/v1', kind: 'JoinToken', metadata, spec }])
  return token
}

async function tokenOfDeletedAccount(fleet: Fleet): Promise<string> {
  const metadata = { name: 'doomed', namespace: 'vault' }
  await apply(fleet, [{ apiVersion: 'v1', kind: 'ServiceAccount', metadata }])
  const token = await fleet.run('create', 'token', 'doomed', '-n', 'vault')
  await fleet.run('delete', 'serviceaccount', 'doomed', '-n', 'vault')
  return token.trim()
}

const claims = { iss: 'lab', aud: 'lab', sub: 'admin', iat: 1, exp: 4_000_000_000 }

function unsignedToken(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`
}

function forgedToken(): Promise<string> {
  return signToken({ kid: '1', key: generateKey() }, claims)
}

async function apply(fleet: Fleet, objects: unknown[]): Promise<void> {
  const file = join(fleet.lab.dir, 'arena-objects.json')
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  await writeFile(file, JSON.stringify(list), { mode: 0o600 })
  await fleet.run('apply', '-f', file)
}
