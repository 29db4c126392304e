/**
 * A retained collection: named documents that one publisher owns and anybody may read back whole, on topics
 *
 *     <prefix>/index         {epoch, generation, documents: {name: hash}, hash}
 *     <prefix>/docs/<hash>   one document, as canonical JSON, under the hash of its bytes
 *
 * A change costs the index and the changed documents. This file is what publisher and subscriber agree on.
 */
import { createHash } from 'node:crypto'
import { CodedError } from '../errors.ts'
import { asRecord } from './bad-messages.ts'

export interface Snapshot {
  epoch: number
  generation: number
  /** Of the whole state: equal hashes mean equal documents under equal names. */
  hash: string
  documents: Map<string, unknown>
}

export interface CollectionIndex {
  /** Grows when a new publisher takes over; outweighs any generation. */
  epoch: number
  /** Grows with each change within an epoch. */
  generation: number
  documents: Record<string, string>
  hash: string
}

/** 96 bits: no accidental twin among any number of documents that a broker can hold. */
const hashDigits = 24
const hashPattern = /^[0-9a-f]{24}$/
export const maxDocuments = 100_000

export function indexTopic(prefix: string): string {
  return `${prefix}/index`
}

export function documentTopic(prefix: string, hash: string): string {
  return `${prefix}/docs/${hash}`
}

/** The hash in a topic that `documentTopic` made. */
export function hashOfTopic(topic: string): string {
  return topic.slice(topic.lastIndexOf('/') + 1)
}

export function contentHash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, hashDigits)
}

/** JSON with sorted keys: equal values give equal text. Undefined members are left out, as JSON.stringify does. */
export function canonicalJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    // No prototype: a document may have a member named `__proto__`.
    const sorted: Record<string, unknown> = Object.create(null)
    for (const name of Object.keys(member).sort()) sorted[name] = (member as Record<string, unknown>)[name]
    return sorted
  })
  // What has no JSON (undefined, a function) is null, as it is inside an array.
  return text ?? 'null'
}

/** By name, the hash of each document. Sorted, so that it is canonical itself. */
export function hashDocuments(documents: Map<string, unknown>): Map<string, string> {
  const names = [...documents.keys()].sort()
  return new Map(names.map(name => [name, contentHash(canonicalJson(documents.get(name)))]))
}

export function hashOfHashes(hashes: Map<string, string>): string {
  return contentHash(canonicalJson([...hashes].sort(([a], [b]) => (a < b ? -1 : 1))))
}

/** True when `a` is newer than `b`: by epoch, then by generation. */
export function isNewer(a: { epoch: number; generation: number }, b: { epoch: number; generation: number }): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.generation > b.generation)
}

/** Checks what came as an index. Throws `BadRequest`. */
export function readIndex(value: unknown): {
  epoch: number
  generation: number
  hash: string
  hashes: Map<string, string>
} {
  const { epoch, generation, documents, hash } = asRecord(value)
  const bad = (reason: string): CodedError => new CodedError('BadRequest', `cannot read an index: because ${reason}`)
  if (!isCount(epoch) || !isCount(generation)) throw bad('epoch and generation must be whole numbers')
  const entries = Object.entries(asRecord(documents))
  if (entries.length > maxDocuments) throw bad(`it names more than ${maxDocuments} documents`)
  const hashes = new Map<string, string>()
  for (const [name, digest] of entries) {
    if (typeof digest !== 'string' || !hashPattern.test(digest)) throw bad(`"${name.slice(0, 80)}" has no proper hash`)
    hashes.set(name, digest)
  }
  if (hash !== hashOfHashes(hashes)) throw bad('its hash does not fit its documents')
  return { epoch, generation, hash, hashes }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
