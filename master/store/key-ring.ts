/** The keys that Secrets are sealed with on the disk: one file beside the store, to be backed up apart from it. */
import { createSecretKey, generateKeySync } from 'node:crypto'
import { dirname } from 'node:path'
import { type Clock, timestamp } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { openPrivateDirectory, readPrivateFile, writePrivateFile } from '../../kit/private-file.ts'
import { secretBytes } from '../../kit/random.ts'
import type { SealingKey } from './sealing.ts'

export interface RingKey extends SealingKey {
  /** RFC 3339, for people. */
  created: string
  /** The store's revision when the key was made. */
  sinceRevision: number
}

interface RingFile {
  current: string
  keys: Array<{ id: string; key: string; created: string; sinceRevision: number }>
}

const keyBytes = 32
/** A watcher that far behind has been told to list anew. */
const maxRetired = 8
const idShape = /^[0-9a-f]{8}$/

export class KeyRing {
  readonly path: string
  #clock: Clock
  #current: RingKey
  /** Sealed nothing since `current` is there, but may still have to open something. */
  #others: RingKey[]
  /** No longer in the file. Watchers of this process may have yet to read what these sealed. */
  #retired: RingKey[] = []

  private constructor(path: string, clock: Clock, keys: { current: RingKey; others: RingKey[] }) {
    this.path = path
    this.#clock = clock
    this.#current = keys.current
    this.#others = keys.others
  }

  /** Undefined when there is no file. Rejects with `ServiceUnavailable` when it is damaged, `Forbidden` when others may read it. */
  static async open(path: string, clock: Clock): Promise<KeyRing | undefined> {
    const text = await readPrivateFile(path)
    if (text === undefined) return undefined
    const keys = parseRing(text)
    if (keys) return new KeyRing(path, clock, keys)
    const why = 'it is damaged; restore it from its backup'
    throw new CodedError('ServiceUnavailable', `cannot read the keys of secrets in ${path}: because ${why}`)
  }

  /** With one new key, on the disk. */
  static async create(path: string, clock: Clock): Promise<KeyRing> {
    await openPrivateDirectory(dirname(path))
    const ring = new KeyRing(path, clock, { current: newKey(clock, 0), others: [] })
    await ring.#write(ring.#current, [])
    return ring
  }

  /** What is sealed from now on is sealed with this one. */
  get current(): RingKey {
    return this.#current
  }

  /** Whether the file holds keys that are not wanted any more. */
  get hasOthers(): boolean {
    return this.#others.length > 0
  }

  find(id: string): RingKey | undefined {
    return [this.#current, ...this.#others, ...this.#retired].find(key => key.id === id)
  }

  /** A new current key. It is on the disk before it is used: what nobody could open any more must not come to be. */
  async add(sinceRevision: number): Promise<void> {
    const key = newKey(this.#clock, sinceRevision)
    const others = [this.#current, ...this.#others]
    await this.#write(key, others)
    this.#current = key
    this.#others = others
  }

  /** Forgets all but the current one: only when nothing on the disk needs them. */
  async dropOthers(): Promise<void> {
    await this.#write(this.#current, [])
    this.#retired = [...this.#others, ...this.#retired].slice(0, maxRetired)
    this.#others = []
  }

  async #write(current: RingKey, others: RingKey[]): Promise<void> {
    const keys = [current, ...others].map(({ key, ...about }) => ({
      ...about,
      key: key.export().toString('base64'),
    }))
    await writePrivateFile(this.path, `${JSON.stringify({ current: current.id, keys } satisfies RingFile, null, 2)}\n`)
  }
}

function newKey(clock: Clock, sinceRevision: number): RingKey {
  const key = generateKeySync('aes', { length: keyBytes * 8 })
  return { id: secretBytes(4).toString('hex'), key, created: timestamp(clock), sinceRevision }
}

/** Undefined when it is damaged. What a parser says is left out: it would quote the file. */
function parseRing(text: string): { current: RingKey; others: RingKey[] } | undefined {
  const { current, keys } = parseJson(text)
  const ring = (Array.isArray(keys) ? keys : []).map(readKey)
  const found = ring.find(key => key?.id === current)
  const isWhole = new Set(ring.map(key => key?.id)).size === ring.length
  if (!found || !isWhole || ring.includes(undefined)) return undefined
  return { current: found, others: ring.filter(key => key !== undefined && key !== found) as RingKey[] }
}

function readKey({ id, key, created, sinceRevision }: Partial<RingFile['keys'][number]>): RingKey | undefined {
  const bytes = Buffer.from(String(key), 'base64')
  const isRight = typeof id === 'string' && idShape.test(id) && bytes.length === keyBytes
  if (!isRight || !Number.isSafeInteger(sinceRevision)) return undefined
  return { id, key: createSecretKey(bytes), created: String(created), sinceRevision: Number(sinceRevision) }
}

function parseJson(text: string): Partial<RingFile> {
  try {
    return (JSON.parse(text) as Partial<RingFile> | null) ?? {}
  } catch {
    return {}
  }
}
