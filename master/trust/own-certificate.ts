/** The master's certificate as a client of a broker that is not ours: kept fresh on the disk, where that broker's owner finds it. */
import { join } from 'node:path'
import { readPrivateFile, writePrivateFile } from '../../kit/private-file.ts'
import { type Credentials, generateKey, isSignedBy, publicKeyOf, readCertificate } from '../../kit/x509.ts'
import { type Authority, isDueForRenewal } from './authority.ts'

const files = { certificate: 'master.crt', key: 'master.key' }

export class OwnCertificate {
  #authority: Authority
  #directory: string
  #current: Credentials | undefined

  constructor({ authority, directory }: { authority: Authority; directory: string }) {
    this.#authority = authority
    this.#directory = directory
  }

  /** Throws when `refresh` has not resolved yet. */
  get current(): Credentials {
    if (!this.#current) throw new Error('the certificate was not opened')
    return this.#current
  }

  /** Resolves when there is one that will do for a while. */
  async refresh(): Promise<void> {
    const certificatePath = join(this.#directory, files.certificate)
    const key = await this.#openKey(join(this.#directory, files.key))
    const found = await readPrivateFile(certificatePath)
    if (found !== undefined && this.#isGood(found, key)) {
      this.#current = { certificate: found, key }
      return
    }
    const { certificate } = await this.#authority.issue({ kind: 'master' }, publicKeyOf(key))
    await writePrivateFile(certificatePath, certificate)
    this.#current = { certificate, key }
  }

  async #openKey(path: string): Promise<string> {
    const found = await readPrivateFile(path)
    if (found !== undefined) return found
    const key = generateKey()
    await writePrivateFile(path, key)
    return key
  }

  #isGood(certificate: string, key: string): boolean {
    const facts = readCertificate(certificate)
    const isOurs =
      facts.publicKey === publicKeyOf(key).toString('base64') && isSignedBy(certificate, this.#authority.certificate)
    return isOurs && !isDueForRenewal(facts, this.#authority.nowMs())
  }
}
