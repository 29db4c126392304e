/** Secrets sealed for the nodes whose pods mention them: each once, until its contents or the node's key change. */
import type { Secret } from '../../contract/resources/core.ts'
import type { NodeIdentity } from '../../contract/resources/trust.ts'
import { type SecretContents, type SecretVersion, type SecretWish, secretDocument } from '../../contract/wire/fleet.ts'
import { messageOf } from '../../kit/errors.ts'
import { seal } from '../../kit/jose.ts'
import type { Log } from '../../kit/log.ts'
import { sameJson } from '../store/same-json.ts'

interface Entry {
  publicKey: string
  /** What was sealed. */
  secret: Secret
  /** Undefined when it could not be sealed: it will be no better the next time. */
  wish: SecretWish | undefined
}

export interface SealingRequest {
  node: string
  identity: NodeIdentity | undefined
  /** All that the node's pods mention. */
  secrets: readonly Secret[]
}

export class SealedSecrets {
  #log: Log
  /** By node, then by document. As many as are in the wishes: what a wish no longer holds is forgotten with the next call. */
  #entries = new Map<string, Map<string, Entry>>()

  constructor(log: Log) {
    this.#log = log
  }

  /** By the name of the document. Empty for a node that has no key, or was cut off. */
  async sealFor({ node, identity, secrets }: SealingRequest): Promise<Map<string, SecretWish>> {
    const publicKey = keyOf(identity)
    const before = this.#entries.get(node)
    const now = new Map<string, Entry>()
    for (const secret of publicKey === undefined ? [] : secrets) {
      const document = secretDocument(secret.metadata.namespace ?? 'default', secret.metadata.name)
      now.set(
        document,
        await this.#entryOf({ node, document, publicKey: publicKey ?? '', secret }, before?.get(document)),
      )
    }
    if (now.size > 0) this.#entries.set(node, now)
    else this.#entries.delete(node)
    const wishes = [...now].flatMap(([document, { wish }]) => (wish ? [[document, wish] as const] : []))
    return new Map(wishes)
  }

  /** The node is no more. */
  forget(node: string): void {
    this.#entries.delete(node)
  }

  async #entryOf(
    wanted: { node: string; document: string; publicKey: string; secret: Secret },
    known: Entry | undefined,
  ): Promise<Entry> {
    const { node, document, publicKey, secret } = wanted
    // The newer object: the older one is not kept in memory for this. The version stays that of the sealed text.
    if (known?.publicKey === publicKey && sameSecret(known.secret, secret)) return { ...known, secret }
    try {
      const contents: SecretContents = {
        metadata: versionOf(secret),
        type: secret.type ?? 'Opaque',
        data: secret.data ?? {},
      }
      const plain = Buffer.from(JSON.stringify(contents))
      const sealed = await seal(plain, { publicKey: Buffer.from(publicKey, 'base64'), about: document })
      return { publicKey, secret, wish: { metadata: contents.metadata, sealed } }
    } catch (error) {
      this.#log.warn('cannot seal a secret for a node, whose pods wait for it', {
        node,
        secret: document,
        reason: messageOf(error),
      })
      return { publicKey, secret, wish: undefined }
    }
  }
}

/** The key that a node's secrets are sealed for; undefined when it gets none. */
export function keyOf(identity: NodeIdentity | undefined): string | undefined {
  return identity?.spec.revoked ? undefined : identity?.spec.publicKey
}

/** Whether a node would see no difference: a new label, or a new key of the store, is none. */
export function sameSecret(a: Secret, b: Secret): boolean {
  return a.metadata.uid === b.metadata.uid && a.type === b.type && sameJson(a.data ?? {}, b.data ?? {})
}

function versionOf({ metadata }: Secret): SecretVersion {
  const { namespace = 'default', name, uid = '', resourceVersion = '' } = metadata
  return { namespace, name, uid, resourceVersion }
}
