/** Seals values for the disk: AES-256-GCM under one key of the ring, bound to the object that they belong to. */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { CodedError } from '../../kit/errors.ts'
import { secretBytes } from '../../kit/random.ts'

export interface SealingKey {
  id: string
  key: KeyObject
}

/** What is stored in place of a value. */
export interface Sealed {
  sealed: {
    /** Id of the key. */
    key: string
    /** Base64, both; the text ends in the tag. */
    nonce: string
    text: string
  }
}

const algorithm = 'aes-256-gcm'
/**
 * 96 random bits. NIST SP 800-38D (8.3) allows 2^32 of them under one key: two are the same with a probability of 2^-33 then,
 * and a store with one change of a Secret a second takes 136 years to get there.
 */
const nonceBytes = 12
const tagBytes = 16

/** `objectKey` is that in the store: a sealed value opens nowhere else. */
export function sealValue({ id, key }: SealingKey, objectKey: string, value: object): Sealed {
  const nonce = secretBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(aboutOf(id, objectKey))
  const text = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final(), cipher.getAuthTag()])
  return { sealed: { key: id, nonce: nonce.toString('base64'), text: text.toString('base64') } }
}

/** Throws `ServiceUnavailable`, saying which object and what to do. */
export function openValue(key: SealingKey, objectKey: string, { sealed }: Sealed): object {
  try {
    const bytes = Buffer.from(sealed.text, 'base64')
    const nonce = Buffer.from(sealed.nonce, 'base64')
    const decipher = createDecipheriv(algorithm, key.key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(aboutOf(key.id, objectKey))
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    const plain = Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()])
    return JSON.parse(plain.toString('utf8')) as object
  } catch (error) {
    // The cause says that authentication failed, and never anything of the text: what is not authentic is not parsed.
    throw unreadable(objectKey, 'what is stored is not what was written there; restore a backup of the store', error)
  }
}

/** Undefined for a value that is not sealed. */
export function asSealed(value: unknown): Sealed | undefined {
  const { sealed } = value as Partial<Sealed>
  if (typeof sealed !== 'object' || sealed === null) return undefined
  const isWhole = [sealed.key, sealed.nonce, sealed.text].every(part => typeof part === 'string')
  return isWhole ? { sealed } : undefined
}

export function unreadable(objectKey: string, why: string, cause?: unknown): CodedError {
  return new CodedError('ServiceUnavailable', `cannot read ${objectKey}: because ${why}`, { cause })
}

/** What the tag vouches for besides the text. Neither part holds a zero byte. */
function aboutOf(keyId: string, objectKey: string): Buffer {
  return Buffer.from(`flotilla\0${keyId}\0${objectKey}`)
}
