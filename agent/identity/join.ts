/** Makes a board a node: shows the token of a join line to the master that it names, and keeps the certificate it gets. */
import { createHash, X509Certificate } from 'node:crypto'
import { usernameOf } from '../../contract/wire/identity.ts'
import { formatToken, type JoinTicket } from '../../contract/wire/join.ts'
import type { Clock } from '../../kit/clock.ts'
import { CodedError, hasCode, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'
import type { FindMasters } from './find-masters.ts'
import { checkCertificate } from './identity.ts'
import { IdentityFiles, type StoredIdentity } from './identity-files.ts'
import { type Ask, atJoinDoor, type CertificateReply, readCertificateReply, UntrustedMaster } from './join-exchange.ts'
import { MasterTime } from './master-time.ts'
import { findClusterCa, fingerprintOf, verifyMaster } from './verify-master.ts'

export interface JoinParts {
  ticket: JoinTicket
  nodeName: string
  /** The agent's. */
  dataDirectory: string
  /** Take the place of an identity that the board has. */
  force?: boolean
  /** Where else to ask when nobody answers at the addresses of the line. Default: nowhere. */
  findMasters?: FindMasters
  clock: Clock
  random: Random
  log: Log
  /** Takes a line for the person who waits. */
  onProgress?: (line: string) => void
}

export type JoinOutcome = 'joined' | 'already'

/**
 * Resolves to `already` when this same join line has made the board this node before. Rejects with `AlreadyExists` when it is a
 * node by another one, with `Unauthorized` when who answers at the addresses is not the master of the line (nobody has been told
 * the token then), with `ServiceUnavailable` or `Timeout` when nobody answers, and with the master's own refusal.
 */
export async function joinCluster(parts: JoinParts): Promise<JoinOutcome> {
  const { ticket, nodeName, dataDirectory, onProgress = () => undefined } = parts
  const files = new IdentityFiles(dataDirectory)
  if (await isJoined(files, parts)) return 'already'
  const failures: unknown[] = []
  const joinAt = async (address: string): Promise<boolean> => {
    onProgress(`asking the master at ${address}`)
    try {
      const { reply, key, untilMs } = await askMaster(address, parts, files)
      await keep(parts, { files, reply, key, untilMs })
      onProgress(`this board is node ${nodeName} of cluster ${ticket.cluster}`)
      return true
    } catch (error) {
      // Another address leads to the same master: what it refuses here it refuses there.
      if (!isLocal(error)) throw error
      failures.push(error)
      return false
    }
  }
  for (const [index, address] of ticket.addresses.entries()) {
    if (await joinAt(address)) return 'joined'
    if (index + 1 < ticket.addresses.length) onProgress(messageOf(failures.at(-1)))
  }
  for (const address of await findElsewhere(parts, onProgress)) if (await joinAt(address)) return 'joined'
  throw worst(failures, ticket)
}

/** Its address may have changed since the line was made. */
async function findElsewhere(
  { ticket, findMasters }: JoinParts,
  onProgress: (line: string) => void,
): Promise<string[]> {
  if (!findMasters) return []
  onProgress('nobody answers there: looking for the master on the local network')
  const found = await findMasters(ticket)
  return found.filter(address => !ticket.addresses.includes(address))
}

/** The same line and name give the same text: a board that lost its power in the middle goes on with the key that it has shown. */
export function attemptOf({ token, caFingerprint }: JoinTicket, nodeName: string): string {
  return createHash('sha256')
    .update(`${formatToken(token)} ${caFingerprint} ${nodeName}`)
    .digest('hex')
}

/** Whether this same line has made the board this node before: then there is nothing to do. An identity that cannot be read is none. */
export async function hasJoinedBy({
  ticket,
  nodeName,
  dataDirectory,
}: Pick<JoinParts, 'ticket' | 'nodeName' | 'dataDirectory'>): Promise<boolean> {
  const stored = await new IdentityFiles(dataDirectory).read().catch(() => undefined)
  return stored?.joinedBy === attemptOf(ticket, nodeName)
}

async function isJoined(files: IdentityFiles, { ticket, nodeName, force = false }: JoinParts): Promise<boolean> {
  const stored = await files.read().catch(error => {
    // What cannot be used any more is what a new identity is for.
    if (force && hasCode(error, 'Invalid')) return undefined
    throw error
  })
  if (!stored) return false
  if (stored.joinedBy === attemptOf(ticket, nodeName)) return true
  if (force) return false
  const reason = `this board is node ${stored.nodeName} of cluster ${stored.cluster} already`
  throw new CodedError('AlreadyExists', `cannot join: because ${reason}. With --force, a new join line takes its place`)
}

/** The token and the signing request go out once the peer is known to be the master of the line. */
async function askMaster(
  address: string,
  { ticket, nodeName, clock, random }: JoinParts,
  files: IdentityFiles,
): Promise<{ reply: CertificateReply; key: string; untilMs: number }> {
  const seen = { untilMs: 0 }
  const verify = (certificate: X509Certificate): void => {
    // The clock of a board that joins may be anywhere: what is checked is who signed, and for what.
    verifyMaster(certificate, { ca: findClusterCa(certificate, ticket.caFingerprint), nowMs: undefined })
    seen.untilMs = certificate.validToDate.getTime()
  }
  const door = { cluster: ticket.cluster, server: `mqtts://${address}`, tls: { verify }, clock, random }
  const { reply, key } = await atJoinDoor(door, async ask => {
    const key = await prepareKey(files, attemptOf(ticket, nodeName))
    return { reply: await showToken(ask, { ticket, nodeName, key, files }), key }
  })
  return { reply, key, untilMs: seen.untilMs }
}

/** On the disk before it is shown: the master takes a token that was used up only from the key that it was used with. */
async function prepareKey(files: IdentityFiles, attempt: string): Promise<string> {
  await files.prepare()
  const pending = await files.readPending()
  if (pending?.attempt === attempt) return pending.key
  const { generateKey } = await import('../../kit/x509.ts')
  const key = generateKey()
  await files.writePending({ attempt, key })
  return key
}

async function showToken(
  ask: Ask,
  { ticket, nodeName, key, files }: { ticket: JoinTicket; nodeName: string; key: string; files: IdentityFiles },
): Promise<CertificateReply> {
  const { createCsr } = await import('../../kit/x509.ts')
  const { csr } = await createCsr({ commonName: usernameOf({ kind: 'node', name: nodeName }), key })
  try {
    return readCertificateReply(await ask({ type: 'join', token: formatToken(ticket.token), name: nodeName, csr }))
  } catch (error) {
    // Refused for good, the key is of no use; in all other cases the master may have taken it.
    if (!isPassing(error)) await files.removePending()
    throw error
  }
}

async function keep(
  { ticket, nodeName, clock, log }: JoinParts,
  { files, reply, key, untilMs }: { files: IdentityFiles; reply: CertificateReply; key: string; untilMs: number },
): Promise<void> {
  const { certificate, ca, servers, time } = reply
  checkCertificate({ certificate, ca, key, nodeName })
  if (fingerprintOf(new X509Certificate(ca)) !== ticket.caFingerprint) {
    throw new CodedError('Invalid', 'cannot join: because the master gave another CA than that of the join line')
  }
  const joinedBy = attemptOf(ticket, nodeName)
  const identity: StoredIdentity = {
    ...{ cluster: ticket.cluster, nodeName, servers, ca, certificate, key, joinedBy },
    issuedAt: time,
  }
  await files.write(identity)
  await files.removePending()
  const masterTime = new MasterTime({ path: files.timePath, clock, log })
  masterTime.told(Date.parse(time), { isFresh: true, untilMs })
  await masterTime.keep()
}

/** Nobody has refused: this address leads to nobody, or to somebody else. */
function isLocal(error: unknown): boolean {
  return error instanceof UntrustedMaster || hasCode(error, 'ServiceUnavailable', 'Timeout')
}

function isPassing(error: unknown): boolean {
  return hasCode(error, 'ServiceUnavailable', 'Timeout', 'TooManyRequests', 'InternalError')
}

/** A stranger in the master's place is worse news than a master that is away. */
function worst(failures: unknown[], { addresses }: JoinTicket): CodedError {
  const stranger = failures.find(error => error instanceof UntrustedMaster)
  if (stranger) {
    const text = `${messageOf(stranger)}. Nothing was sent to it. Compare the line with what "flotilla token create" printed`
    return new CodedError('Unauthorized', text, { cause: stranger })
  }
  const last = failures[addresses.length - 1]
  const reason = addresses.length === 1 ? messageOf(last) : `no address answers; at the last, ${messageOf(last)}`
  const text = `cannot join: ${reason}: is the master running, and is this board on its network?`
  return new CodedError('ServiceUnavailable', text, { cause: failures[0] })
}
