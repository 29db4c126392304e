/**
 * The cluster's keys on the disk: made at the first start, opened at each later one, and never made anew beside a store that
 * relies on them.
 */
import { join } from 'node:path'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { openPrivateDirectory, readPrivateFile, writePrivateFile } from '../../kit/private-file.ts'
import type { Random } from '../../kit/random.ts'
import { type Credentials, generateKey, publicKeyOf, readCertificate } from '../../kit/x509.ts'
import { makeAuthority } from './authority.ts'

export interface PkiOptions {
  directory: string
  cluster: string
  clock: Clock
  random: Random
  /** Somebody in the store has a certificate already: then the CA must be here. */
  isInUse: boolean
}

export interface Pki {
  ca: Credentials
  /** PKCS #8, PEM: of the master's certificate as a server. */
  serverKey: string
  /** Signs bearer tokens. */
  tokenKey: string
  /** The CA was made by this very call. */
  isNew: boolean
}

/** Below the directory. */
export const pkiFiles = {
  caCertificate: 'ca.crt',
  caKey: 'ca.key',
  serverCertificate: 'server.crt',
  serverKey: 'server.key',
  tokenKey: 'service-accounts.key',
  ledger: 'issued.jsonl',
  brokerCertificate: 'mosquitto.crt',
  brokerKey: 'mosquitto.key',
} as const

/** Rejects with `Forbidden` when others may read the keys, with `Invalid` when they are damaged, incomplete or another cluster's. */
export async function openPki(options: PkiOptions): Promise<Pki> {
  await openPrivateDirectory(options.directory)
  const { ca, isNew } = await openCa(options)
  const serverKey = await openKey(join(options.directory, pkiFiles.serverKey))
  const tokenKey = await openKey(join(options.directory, pkiFiles.tokenKey))
  return { ca, serverKey, tokenKey, isNew }
}

/** The key comes first, and the certificate makes it one: without it, nothing has been signed, whenever the power went. */
async function openCa(options: PkiOptions): Promise<{ ca: Credentials; isNew: boolean }> {
  const { directory, cluster, clock, random, isInUse } = options
  const [keyPath, certificatePath] = [join(directory, pkiFiles.caKey), join(directory, pkiFiles.caCertificate)]
  const certificate = await readPrivateFile(certificatePath)
  const key = await readPrivateFile(keyPath)
  if (certificate !== undefined) return { ca: checkCa({ certificate, key, directory, cluster }), isNew: false }
  if (isInUse) {
    throw refusal(`${certificatePath} is gone, and the store holds boards or users that it vouches for`)
  }
  const kept = key ?? generateKey()
  if (key === undefined) await writePrivateFile(keyPath, kept)
  else checkKey(keyPath, key)
  const ca = await makeAuthority({ cluster, clock, random, key: kept })
  await writePrivateFile(certificatePath, ca.certificate)
  return { ca, isNew: true }
}

interface FoundCa {
  certificate: string
  key: string | undefined
  directory: string
  cluster: string
}

function checkCa({ certificate, key, directory, cluster }: FoundCa): Credentials {
  const [keyPath, certificatePath] = [join(directory, pkiFiles.caKey), join(directory, pkiFiles.caCertificate)]
  if (key === undefined) throw refusal(`${keyPath} is gone`)
  const facts = attempt(certificatePath, () => readCertificate(certificate))
  if (checkKey(keyPath, key).toString('base64') !== facts.publicKey) {
    throw refusal(`${keyPath} is not the key of ${certificatePath}`)
  }
  const [owner = ''] = facts.organizations
  if (owner !== cluster) {
    const text = `cannot start the master of cluster ${cluster}: because ${directory} belongs to cluster ${owner}`
    throw new CodedError('Invalid', `${text}: start it with --cluster ${owner}, or with another --data`)
  }
  return { certificate, key }
}

/** One that is not there is made: nobody outside relies on it for longer than a token lives. */
export async function openKey(path: string): Promise<string> {
  const found = await readPrivateFile(path)
  if (found !== undefined) {
    checkKey(path, found)
    return found
  }
  const key = generateKey()
  await writePrivateFile(path, key)
  return key
}

function checkKey(path: string, key: string): Buffer {
  return attempt(path, () => publicKeyOf(key))
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw refusal(`${path} is damaged (${messageOf(error)})`, error)
  }
}

function refusal(reason: string, cause?: unknown): CodedError {
  const wayOut = 'restore it from a backup; a new cluster begins with another --data'
  return new CodedError('Invalid', `cannot open the keys of the cluster: because ${reason}: ${wayOut}`, { cause })
}
