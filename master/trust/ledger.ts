/**
 * The certificates that were given out and have not run out: what a revocation list is made from, for brokers that are not
 * ours. One line each, written before the certificate leaves the master.
 */
import { open } from 'node:fs/promises'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { readPrivateFile, writePrivateFile } from '../../kit/private-file.ts'

export interface LedgerEntry {
  username: string
  serialNumber: string
  /** SPKI in DER, base64. */
  publicKey: string
  notAfterMs: number
}

/** A board has two at a time; so many are some 6 MB. */
const maxEntries = 20_000
/** One who asks again and again fills the list of nobody but himself. */
const maxEntriesPerName = 64

export class Ledger {
  #path: string
  #entries: LedgerEntry[]
  /** One append after the other: lines must not mix. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, entries: LedgerEntry[]) {
    this.#path = path
    this.#entries = entries
  }

  /** Forgets those that have run out. A line that a power cut has torn was never answered, and is left out. */
  static async open(path: string, nowMs: number): Promise<Ledger> {
    const lines = ((await readPrivateFile(path)) ?? '').split('\n').filter(line => line !== '')
    const entries = lines
      .map(readEntry)
      .filter(entry => entry !== undefined && entry.notAfterMs > nowMs) as LedgerEntry[]
    await writePrivateFile(path, entries.map(toLine).join(''))
    return new Ledger(path, entries)
  }

  get entries(): readonly LedgerEntry[] {
    return this.#entries
  }

  /** Rejects with `ServiceUnavailable` or `TooManyRequests`: then the certificate must not be given out. */
  add(entry: LedgerEntry, nowMs: number): Promise<void> {
    const written = this.#writing.then(() => this.#append(entry, nowMs))
    this.#writing = written.catch(() => undefined)
    return written
  }

  async #append(entry: LedgerEntry, nowMs: number): Promise<void> {
    this.#entries = this.#entries.filter(({ notAfterMs }) => notAfterMs > nowMs)
    const ofName = this.#entries.filter(({ username }) => username === entry.username).length
    const full = ofName >= maxEntriesPerName ? `${ofName} of ${entry.username}` : `${this.#entries.length}`
    if (ofName >= maxEntriesPerName || this.#entries.length >= maxEntries) {
      const text = `cannot issue a certificate: because ${full} are in use already; none of them has run out`
      throw new CodedError('TooManyRequests', text)
    }
    try {
      const file = await open(this.#path, 'a', 0o600)
      try {
        await file.writeFile(toLine(entry))
        await file.sync()
      } finally {
        await file.close()
      }
    } catch (error) {
      throw new CodedError('ServiceUnavailable', `cannot write ${this.#path}: because ${messageOf(error)}`, {
        cause: error,
      })
    }
    this.#entries.push(entry)
  }
}

const toLine = (entry: LedgerEntry): string => `${JSON.stringify(entry)}\n`

function readEntry(line: string): LedgerEntry | undefined {
  try {
    const entry = JSON.parse(line) as LedgerEntry
    const isWhole =
      typeof entry.username === 'string' &&
      typeof entry.serialNumber === 'string' &&
      typeof entry.notAfterMs === 'number'
    return isWhole ? entry : undefined
  } catch {
    // Torn by a power cut.
    return undefined
  }
}
