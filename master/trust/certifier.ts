/** Certificates and tokens for those who are known already: what the API's verbs `sign` and `token` are done by. */
import type { ServiceAccount } from '../../contract/resources/core.ts'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import type { NodeIdentity, User } from '../../contract/resources/trust.ts'
import { type Identity, usernameOf } from '../../contract/wire/identity.ts'
import { rfc3339 } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { readCsr } from '../../kit/x509.ts'
import type { ObjectRef, Objects } from '../store/objects.ts'
import type { Authority, Issued } from './authority.ts'
import { nodeIdentityKind, podKind, serviceAccountKind, userKind } from './kinds.ts'
import type { Tokens } from './tokens.ts'

export interface CertifierParts {
  authority: Authority
  objects: Objects
  tokens: Tokens
}

/** `time`: now, as certificates count it (RFC 3339), for boards that have no clock of their own. */
export interface Certified {
  certificate: string
  ca: string
  time: string
}

export class Certifier {
  #parts: CertifierParts

  constructor(parts: CertifierParts) {
    this.#parts = parts
  }

  /** Rejects with `NotFound`, `Forbidden` (revoked), `BadRequest` or `Invalid` (the request). */
  async certify(identity: Identity, csr: string | undefined): Promise<Certified> {
    const { certificate } = await this.#certify(identity, csr)
    const { authority } = this.#parts
    return { certificate, ca: authority.certificate, time: new Date(authority.nowMs()).toISOString() }
  }

  /** Read from the store and not from the cache: whoever was just made may ask at once. */
  async mint(
    identity: Identity,
    options: { expirationSeconds?: number; audience?: string; pod?: { name: string; uid: string } },
  ): Promise<{ token: string; expirationTimestamp: string }> {
    const { tokens, authority } = this.#parts
    const nowMs = authority.nowMs()
    if (identity.kind !== 'serviceAccount') {
      if (identity.kind === 'user') await this.#user({ kind: 'user', name: identity.name })
      return tokens.mint(identity, { ...options, nowMs })
    }
    const account = await this.#serviceAccount(identity)
    if (options.pod) await this.#checkPod(identity, options.pod)
    return tokens.mint(identity, { ...options, ...(account.metadata.uid && { uid: account.metadata.uid }), nowMs })
  }

  async #certify(identity: Identity, csr: string | undefined): Promise<Issued> {
    if (identity.kind === 'node') return this.#certifyNode(identity, csr)
    if (identity.kind === 'user' || identity.kind === 'tool') return this.#certifyUser(identity, csr)
    throw cannotSign(usernameOf(identity), 'Forbidden', 'only boards, users and tools have certificates')
  }

  async #certifyNode(identity: { kind: 'node'; name: string }, csr: string | undefined): Promise<Issued> {
    const who = usernameOf(identity)
    if (csr !== undefined) throw cannotSign(who, 'BadRequest', 'a board keeps the key that it joined with: send no CSR')
    const found = await this.#get<NodeIdentity>(nodeIdentityKind, identity.name)
    if (!found) throw cannotSign(who, 'NotFound', 'no board has joined under this name')
    if (found.spec.revoked) throw cannotSign(who, 'Forbidden', 'it was revoked')
    const issued = await this.#parts.authority.issue(identity, Buffer.from(found.spec.publicKey, 'base64'), [
      'system:nodes',
    ])
    await this.#note<NodeIdentity>({ kind: nodeIdentityKind, name: identity.name }, issued)
    return issued
  }

  async #certifyUser(identity: { kind: 'user' | 'tool'; name: string }, csr: string | undefined): Promise<Issued> {
    if (csr === undefined) throw cannotSign(usernameOf(identity), 'BadRequest', 'there is no CSR')
    const user = await this.#user(identity)
    const { publicKey } = await readCsr(csr)
    const issued = await this.#parts.authority.issue(identity, publicKey, user.spec.groups)
    await this.#note<User>({ kind: userKind, name: identity.name }, issued)
    return issued
  }

  async #user(identity: { kind: 'user' | 'tool'; name: string }): Promise<User> {
    const who = usernameOf(identity)
    const found = await this.#get<User>(userKind, identity.name)
    if (!found || (found.spec.tool ?? false) !== (identity.kind === 'tool')) {
      throw cannotSign(who, 'NotFound', 'there is no such user')
    }
    if (found.spec.revoked) throw cannotSign(who, 'Forbidden', 'it was revoked')
    return found
  }

  async #serviceAccount({ namespace, name }: { namespace: string; name: string }): Promise<ServiceAccount> {
    const found = await this.#get<ServiceAccount>(serviceAccountKind, name, namespace)
    if (found) return found
    throw cannotSign(`service account ${namespace}/${name}`, 'NotFound', 'there is none')
  }

  async #checkPod(
    { namespace, name }: { namespace: string; name: string },
    pod: { name: string; uid: string },
  ): Promise<void> {
    const found = await this.#get<Pod>(podKind, pod.name, namespace)
    const who = `service account ${namespace}/${name}`
    if (found?.metadata.uid !== pod.uid) throw cannotSign(who, 'NotFound', `the pod ${pod.name} is gone`)
    if ((found.spec.serviceAccountName ?? 'default') === name) return
    throw cannotSign(who, 'Forbidden', `the pod ${pod.name} runs as another`)
  }

  /** Not synced at once: the ledger has it already, and nothing is decided by it. */
  async #note<T extends NodeIdentity | User>(ref: ObjectRef, { facts }: Issued): Promise<void> {
    await this.#parts.objects.update<T>(
      ref,
      object => ({ ...object, status: { ...object.status, ...statusOf(facts) } }),
      {
        durable: false,
      },
    )
  }

  #get<T extends KubernetesObject>(kind: ObjectRef['kind'], name: string, namespace?: string): Promise<T | undefined> {
    return this.#parts.objects.get<T>(kind, namespace, name)
  }
}

/** Of the newest certificate, for `get` and `describe`. */
export function statusOf(facts: Issued['facts']): { serialNumber: string; notAfter: string } {
  return {
    serialNumber: facts.serialNumber,
    notAfter: rfc3339(facts.notAfterMs),
  }
}

function cannotSign(who: string, code: 'NotFound' | 'Forbidden' | 'BadRequest', why: string): CodedError {
  return new CodedError(code, `cannot sign for ${who}: because ${why}`)
}
