/** Opens what the master has sealed for this board: at the moment when it is used, and for nothing but that. */
import { type SecretContents, type SecretWish, secretDocument } from '../../contract/wire/fleet.ts'
import { asRecord } from '../../kit/bus/bad-messages.ts'
import { CodedError } from '../../kit/errors.ts'
import { unseal } from '../../kit/jose.ts'

export interface SecretKey {
  namespace: string
  name: string
  /** The node's own, PKCS #8, PEM. */
  privateKey: string
}

/** Rejects with `Invalid`; its words hold nothing of the contents. */
export async function openSecret(
  wish: SecretWish,
  { namespace, name, privateKey }: SecretKey,
): Promise<SecretContents> {
  const about = secretDocument(namespace, name)
  const plain = await unseal(wish.sealed, { key: privateKey, about })
  const contents = parse(plain, about)
  const { metadata } = contents
  // The seal binds it to its name; what is inside must not claim another.
  if (metadata?.namespace !== namespace || metadata.name !== name) throw bad(about, 'it says that it is another')
  return contents
}

function parse(plain: Buffer, about: string): SecretContents {
  try {
    const contents = asRecord(JSON.parse(plain.toString()))
    const values = Object.values(asRecord(contents['data']))
    if (!values.every(value => typeof value === 'string')) throw bad(about, 'a value in it is no text')
    return contents as unknown as SecretContents
  } catch (error) {
    if (error instanceof CodedError) throw error
    // The parser's own words would repeat what it has read.
    throw bad(about, 'it is no Secret')
  } finally {
    plain.fill(0)
  }
}

function bad(about: string, reason: string): CodedError {
  return new CodedError('Invalid', `cannot open ${about}: because ${reason}`)
}
