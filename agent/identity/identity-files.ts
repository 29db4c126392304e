/** What a board keeps of its identity on its disk: one file that is whole or not there, so that a power cut leaves the old one or the new one. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkLabelName } from '../../contract/resources/names.ts'
import { asRecord } from '../../kit/bus/bad-messages.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { openPrivateDirectory, readPrivateFile, writePrivateFile } from '../../kit/private-file.ts'

export interface StoredIdentity {
  cluster: string
  nodeName: string
  /** URLs of the master's brokers, with TLS. */
  servers: string[]
  /** PEM, all three. */
  ca: string
  certificate: string
  key: string
  /** When the certificate was got, by the master's clock (RFC 3339): certificates begin in 1970, so they do not tell. */
  issuedAt: string
  /** `attempt` of the join that made it. */
  joinedBy: string
}

/** A join that has begun: the same token is shown with the same key again, so that the master knows it for the same board. */
export interface PendingJoin {
  /** SHA-256 of the token and the name that it is shown with, hexadecimal. */
  attempt: string
  key: string
}

/** Of both files; another one is not read. */
const formatVersion = 1
const maxServers = 16
/** With TLS, at a host or a socket. A master who is made to say another one sends nobody elsewhere in plain. */
const serverShape = /^mqtts(\+unix)?:\/\/[^\s@]{1,300}$/

export class IdentityFiles {
  readonly directory: string

  /** `dataDirectory`: the agent's. */
  constructor(dataDirectory: string) {
    this.directory = join(dataDirectory, 'identity')
  }

  get path(): string {
    return join(this.directory, 'identity.json')
  }

  /** The newest time that the master told: its own file, since it is written more often. */
  get timePath(): string {
    return join(this.directory, 'time.json')
  }

  get #pendingPath(): string {
    return join(this.directory, 'joining.json')
  }

  /** Makes the directory, 0700. */
  async prepare(): Promise<void> {
    await openPrivateDirectory(this.directory)
  }

  /** Undefined when the board has not joined. Rejects when the file is there and cannot be used, and says what to do. */
  async read(): Promise<StoredIdentity | undefined> {
    const text = await readPrivateFile(this.path)
    if (text === undefined) return undefined
    try {
      return parseIdentity(text)
    } catch (error) {
      const reason = `${messageOf(error)}. Join again: flotilla token create --node NAME, then flotilla join --force`
      throw new CodedError('Invalid', `cannot use the identity in ${this.path}: because ${reason}`, { cause: error })
    }
  }

  async write(identity: StoredIdentity): Promise<void> {
    await writePrivateFile(this.path, `${JSON.stringify({ version: formatVersion, ...identity }, undefined, 2)}\n`)
  }

  /** Undefined when none has begun; one that cannot be read is none. */
  async readPending(): Promise<PendingJoin | undefined> {
    const text = await readPrivateFile(this.#pendingPath)
    if (text === undefined) return undefined
    try {
      const { version, attempt, key } = asRecord(JSON.parse(text))
      if (version !== formatVersion || typeof attempt !== 'string' || typeof key !== 'string') return undefined
      createPrivateKey(key)
      return { attempt, key }
    } catch {
      // A card rots: a new key costs nothing but perhaps a use of the token.
      return undefined
    }
  }

  async writePending(pending: PendingJoin): Promise<void> {
    await writePrivateFile(this.#pendingPath, JSON.stringify({ version: formatVersion, ...pending }))
  }

  async removePending(): Promise<void> {
    await rm(this.#pendingPath, { force: true })
  }
}

/** Those of a list that go over TLS. */
export function checkServers(value: unknown): string[] {
  const servers = Array.isArray(value) ? value.slice(0, maxServers) : []
  return servers.filter(
    server => typeof server === 'string' && serverShape.test(server) && URL.canParse(server),
  ) as string[]
}

function parseIdentity(text: string): StoredIdentity {
  const { version, servers, ...rest } = asRecord(JSON.parse(text))
  if (version !== formatVersion) throw new Error(`its version is ${version}, not ${formatVersion}`)
  const fields = ['cluster', 'nodeName', 'ca', 'certificate', 'key', 'issuedAt', 'joinedBy'] as const
  for (const field of fields) if (typeof rest[field] !== 'string') throw new Error(`its ${field} is no text`)
  const { cluster, nodeName, ca, certificate, key, issuedAt, joinedBy } = rest as unknown as StoredIdentity
  const problem = checkLabelName(nodeName) ?? checkLabelName(cluster)
  if (problem !== undefined) throw new Error(`a name in it is wrong: ${problem}`)
  const checked = checkServers(servers)
  if (checked.length === 0) throw new Error('it names no server')
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
    throw new Error('its key is not that of its certificate')
  }
  new X509Certificate(ca)
  return { cluster, nodeName, servers: checked, ca, certificate, key, issuedAt, joinedBy }
}
