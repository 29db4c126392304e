/** The first user, `admin`, who may do everything, and the file by which whoever owns this board is that user. */
import { rm } from 'node:fs/promises'
import { trustApiVersion, type User } from '../../contract/resources/trust.ts'
import { type ClientContext, checkClientConfig } from '../../contract/wire/client-config.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { readPrivateFile, writePrivateFile } from '../../kit/private-file.ts'
import { createCsr, isSignedBy, publicKeyOf, readCertificate } from '../../kit/x509.ts'
import type { Objects } from '../store/objects.ts'
import { type Authority, isDueForRenewal } from './authority.ts'
import type { Certifier } from './certifier.ts'
import { userKind } from './kinds.ts'
import { issuedMsOf } from './serial.ts'

export interface AdminParts {
  cluster: string
  /** Of the configuration: JSON, which is YAML too. */
  path: string
  authority: Authority
  certifier: Certifier
  objects: Objects
  /** URLs of the broker, for a program on this board. */
  servers: () => string[]
  log: Log
}

export const adminName = 'admin'

export class Admin {
  #parts: AdminParts

  constructor(parts: AdminParts) {
    this.#parts = parts
  }

  /** Makes the user in a store that has none. One that somebody has deleted stays deleted. */
  async ensureUser(): Promise<void> {
    const { objects } = this.#parts
    if ((await objects.list<User>(userKind)).length > 0) return
    await objects.create<User>({
      apiVersion: trustApiVersion,
      kind: 'User',
      metadata: { name: adminName },
      spec: { groups: ['system:masters'] },
    })
  }

  /**
   * Writes the configuration when there is none that works, or two thirds of its life are over, and removes that of a user who
   * was shut out. Resolves to whether there is a new one.
   */
  async refresh(): Promise<boolean> {
    const { objects, path, log, authority, cluster, certifier } = this.#parts
    const user = await objects.get<User>(userKind, undefined, adminName)
    // Somebody has decided so: what is there would only look like a way in. Whoever owns the board can take this back
    // (restore-admin.ts).
    if (!user || user.spec.revoked || user.spec.tool) {
      await rm(path, { force: true })
      return false
    }
    const servers = this.#parts.servers()
    // Nobody could use it.
    if (servers.length === 0) return false
    const found = await this.#read()
    const isFresh = found !== undefined && this.#isFresh(found, user)
    if (isFresh && sameList(found.servers, servers)) return false
    const base = {
      name: cluster,
      cluster,
      servers,
      namespace: 'default',
      username: adminName,
      ca: authority.certificate,
    }
    const context = isFresh ? { ...found, ...base } : { ...base, ...(await this.#newCertificate(certifier)) }
    const config = checkClientConfig({ 'current-context': cluster, contexts: [context] })
    await writePrivateFile(path, `${JSON.stringify(config, undefined, 2)}\n`)
    log.info("the administrator's configuration is new", { path, user: adminName })
    return true
  }

  async #newCertificate(certifier: Certifier): Promise<{ certificate: string; key: string }> {
    const { csr, key } = await createCsr({ commonName: adminName })
    const { certificate } = await certifier.certify({ kind: 'user', name: adminName }, csr)
    return { certificate, key }
  }

  /** Undefined when there is none that can be read: it is made from the CA, and can be made again. */
  async #read(): Promise<ClientContext | undefined> {
    const { path, log } = this.#parts
    const text = await readPrivateFile(path)
    if (text === undefined) return undefined
    try {
      return checkClientConfig(JSON.parse(text)).contexts[0]
    } catch (error) {
      log.warn("cannot read the administrator's configuration: another takes its place", {
        path,
        reason: messageOf(error),
      })
      return undefined
    }
  }

  #isFresh({ certificate, key, ca }: ClientContext, user: User): boolean {
    const { authority } = this.#parts
    if (certificate === undefined || key === undefined || ca !== authority.certificate) return false
    try {
      const facts = readCertificate(certificate)
      const isOurs =
        isSignedBy(certificate, authority.certificate) && publicKeyOf(key).toString('base64') === facts.publicKey
      const since = user.spec.validAfter === undefined ? 0 : Date.parse(user.spec.validAfter)
      const counts = (issuedMsOf(facts.serialNumber) ?? 0) >= since
      return isOurs && counts && !isDueForRenewal(facts, authority.nowMs())
    } catch (error) {
      this.#parts.log.warn("the administrator's certificate cannot be used", { reason: messageOf(error) })
      return false
    }
  }
}

function sameList(one: string[] | undefined, other: string[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
