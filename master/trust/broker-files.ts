/** Keeps the files of a Mosquitto that carries the traffic as the store says, and tells it to read them again. */
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeIdentity, User } from '../../contract/resources/trust.ts'
import { type Identity, parseUsername } from '../../contract/wire/identity.ts'
import { renderMosquitto } from '../../contract/wire/mosquitto.ts'
import type { Cancel, Clock } from '../../kit/clock.ts'
import { makeDirectory } from '../../kit/directory.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { Loop } from '../../kit/loop.ts'
import { createCrl } from '../../kit/x509.ts'
import type { Cache } from '../store/cache.ts'
import type { Authority } from './authority.ts'
import type { Identities } from './identities.ts'
import { nodeIdentityKind, userKind } from './kinds.ts'
import type { Ledger } from './ledger.ts'
import { issuedMsOf } from './serial.ts'
import type { ServerCertificate } from './server-certificate.ts'

export interface BrokerFilesParts {
  directory: string
  /** Of Mosquitto (`pid_file`); absent: whoever runs it sends it a SIGHUP himself. */
  pidFile?: string | undefined
  cluster: string
  listen: { port: number; joinPort: number }
  authority: Authority
  ledger: Ledger
  identities: Identities
  cache: Cache
  /** A key of that broker's own. */
  serverCertificate: ServerCertificate
  clock: Clock
  log: Log
}

/** Changes that come together cost one SIGHUP. */
const soonMs = 200
/** Certificates run out of the list. */
const everyMs = 60 * 60_000
/** The key is for the group of the directory, which is to be Mosquitto's. */
const [publicMode, keyMode] = [0o644, 0o640]

export class BrokerFiles {
  #parts: BrokerFilesParts
  #loop: Loop
  #undo: Array<() => void> = []
  #cancel: Cancel | undefined
  /** What the list on the disk was made from; it is signed anew only when that changes. */
  #revoked: string | undefined

  constructor(parts: BrokerFilesParts) {
    this.#parts = parts
    const { clock, log, directory } = parts
    const onError = (error: unknown): void =>
      log.error("cannot keep the broker's files", { directory, reason: messageOf(error) })
    this.#loop = new Loop({ clock, intervalMs: everyMs, run: () => this.refresh(), onError })
  }

  /** Resolves when the files are there. */
  async start(): Promise<void> {
    const { cache, serverCertificate, clock } = this.#parts
    await this.refresh()
    serverCertificate.start()
    this.#undo = [
      serverCertificate.onChange(() => this.#loop.poke()),
      cache.onChange(({ kind }) => {
        if (kind !== nodeIdentityKind && kind !== userKind) return
        // Not put off by one change after the other.
        this.#cancel ??= clock.after(soonMs, () => {
          this.#cancel = undefined
          this.#loop.poke()
        })
      }),
    ]
    this.#loop.start()
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo()
    this.#cancel?.()
    await this.#parts.serverCertificate.stop()
    await this.#loop.stop()
  }

  /** Writes what has changed, and sends one SIGHUP if anything has. */
  async refresh(): Promise<void> {
    const { directory, cluster, listen, authority, serverCertificate } = this.#parts
    await makeDirectory(directory, 0o750)
    const path = (name: string): string => join(directory, name)
    const files = {
      ...{ ca: path('ca.crt'), cert: path('server.crt'), key: path('server.key') },
      ...{ acl: path('acl'), joinAcl: path('acl-join'), crl: path('revoked.crl') },
    }
    const identities = this.#identities()
    const { conf, acl, joinAcl } = renderMosquitto({ cluster, identities, listen, files })
    const { certificate, key } = serverCertificate.current
    const wanted: Array<[path: string, text: string, mode: number]> = [
      [files.ca, authority.certificate, publicMode],
      [files.key, key, keyMode],
      [files.cert, certificate, publicMode],
      [files.acl, acl, publicMode],
      [files.joinAcl, joinAcl, publicMode],
      [path('mosquitto.conf'), conf, publicMode],
    ]
    let isChanged = await this.#refreshList(files.crl)
    for (const file of wanted) isChanged = (await writeIfChanged(...file)) || isChanged
    if (isChanged) await this.#tellBroker()
  }

  /** All that may connect now; Mosquitto takes no tokens, so service accounts are not among them. */
  #identities(): Identity[] {
    const { cache } = this.#parts
    const nodes = cache.list<NodeIdentity>(nodeIdentityKind).filter(({ spec }) => !spec.revoked)
    const users = cache.list<User>(userKind).filter(({ spec }) => !spec.revoked)
    const byName = (one: { metadata: { name: string } }, other: { metadata: { name: string } }): number =>
      one.metadata.name < other.metadata.name ? -1 : 1
    return [
      { kind: 'master' },
      ...nodes.toSorted(byName).map(({ metadata }): Identity => ({ kind: 'node', name: metadata.name })),
      ...users
        .toSorted(byName)
        .map(({ metadata, spec }): Identity => ({ kind: spec.tool ? 'tool' : 'user', name: metadata.name })),
    ]
  }

  async #refreshList(path: string): Promise<boolean> {
    const { ledger, identities, authority } = this.#parts
    const revoked = ledger.entries.filter(({ username, publicKey, serialNumber }) => {
      const identity = parseUsername(username)
      const issuedMs = issuedMsOf(serialNumber) ?? 0
      return !identity || identities.problemWith(identity, { by: 'certificate', publicKey, issuedMs }) !== undefined
    })
    const serials = revoked.map(({ serialNumber }) => serialNumber)
    if (this.#revoked === serials.join()) return false
    const list = await createCrl({
      ca: authority.credentials,
      revoked: serials.map(serialNumber => ({ serialNumber, revokedAt: new Date(0) })),
      // Good for as long as the CA: a list that runs out while the master is away would shut everybody out, and one
      // that begins later than a board's clock as well.
      ...{ thisUpdate: new Date(0), nextUpdate: new Date(authority.facts.notAfterMs) },
    })
    await writeWhole(path, list, publicMode)
    this.#revoked = serials.join()
    return true
  }

  async #tellBroker(): Promise<void> {
    const { pidFile, log, directory } = this.#parts
    if (pidFile === undefined) return log.info("the broker's files are new: send it a SIGHUP", { directory })
    try {
      process.kill(await readPid(pidFile), 'SIGHUP')
      log.info("the broker's files are new", { directory })
    } catch (error) {
      log.warn('cannot tell the broker to read its files again: send it a SIGHUP', {
        pidFile,
        reason: messageOf(error),
      })
    }
  }
}

/** Rejects when there is no such process, or it is not a Mosquitto: a stale file may name anybody. */
async function readPid(pidFile: string): Promise<number> {
  const pid = Number((await readFile(pidFile, 'utf8')).trim())
  const name = Number.isSafeInteger(pid) && pid > 1 ? (await readFile(`/proc/${pid}/comm`, 'utf8')).trim() : ''
  if (name === 'mosquitto') return pid
  throw new CodedError('NotFound', `cannot signal the broker: because ${pidFile} names no mosquitto that runs`)
}

async function writeIfChanged(path: string, text: string, mode: number): Promise<boolean> {
  const before = await readFile(path, 'utf8').catch(() => undefined)
  if (before === text) return false
  await writeWhole(path, text, mode)
  return true
}

/** In one step, for a reader that may come at any time. Not synced: it is made anew at each start. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const part = `${path}.part`
  await rm(part, { force: true })
  await writeFile(part, text, { mode: 0o600, flag: 'wx' })
  await chmod(part, mode)
  await rename(part, path)
}
