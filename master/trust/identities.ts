/** Who is in good standing, by the objects in the cache: asked at each connection, and when something was revoked. */
import type { ServiceAccount } from '../../contract/resources/core.ts'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import type { NodeIdentity, User } from '../../contract/resources/trust.ts'
import { type Identity, usernameOf } from '../../contract/wire/identity.ts'
import type { Unwelcome } from '../broker/policy.ts'
import type { Cache } from '../store/cache.ts'
import { nodeIdentityKind, podKind, serviceAccountKind, userKind } from './kinds.ts'

/** What somebody has shown to be who he is. Times are ms since 1970. */
export type Proof =
  /** `publicKey`: SPKI in DER, base64. */
  | { by: 'certificate'; publicKey: string; issuedMs: number }
  /** `uid`: of the service account, `pod`: the one that the token is bound to. */
  | { by: 'token'; issuedMs: number; uid?: string; pod?: { name: string; uid: string } }

export type Problem = Unwelcome

export class Identities {
  #cache: Cache

  /** `cache`: started before anybody is asked for. */
  constructor(cache: Cache) {
    this.#cache = cache
  }

  /** Without `proof`: whether there is such an identity at all. */
  problemWith(identity: Identity, proof?: Proof): Problem | undefined {
    switch (identity.kind) {
      case 'node':
        return this.#problemOfNode(identity.name, proof)
      case 'user':
      case 'tool':
        return this.#problemOfUser(identity, proof)
      case 'serviceAccount':
        return this.#problemOfServiceAccount(identity, proof)
      case 'master':
      case 'joining':
        return undefined
    }
  }

  #problemOfNode(name: string, proof: Proof | undefined): Problem | undefined {
    const found = this.#get<NodeIdentity>(nodeIdentityKind, name)
    if (!found) return { reason: 'unknown-identity', text: `no board has joined as ${name}` }
    if (found.spec.revoked) return { reason: 'revoked', text: `the board ${name} was revoked` }
    if (proof === undefined) return undefined
    const isKey = proof.by === 'certificate' && proof.publicKey === found.spec.publicKey
    return isKey
      ? undefined
      : { reason: 'certificate-revoked', text: `another key has taken the place of this one of ${name}` }
  }

  #problemOfUser(identity: { kind: 'user' | 'tool'; name: string }, proof: Proof | undefined): Problem | undefined {
    const found = this.#get<User>(userKind, identity.name)
    const who = usernameOf(identity)
    if (!found || (found.spec.tool ?? false) !== (identity.kind === 'tool')) {
      return { reason: 'unknown-identity', text: `there is no user ${who}` }
    }
    if (found.spec.revoked) return { reason: 'revoked', text: `the user ${who} was revoked` }
    const { validAfter } = found.spec
    if (validAfter === undefined || proof === undefined) return undefined
    // A time that cannot be read lets nobody in.
    if (proof.issuedMs >= Date.parse(validAfter)) return undefined
    return { reason: 'certificate-revoked', text: `what ${who} got before ${validAfter} counts no longer` }
  }

  #problemOfServiceAccount(
    identity: { namespace: string; name: string },
    proof: Proof | undefined,
  ): Problem | undefined {
    const { namespace, name } = identity
    const found = this.#get<ServiceAccount>(serviceAccountKind, name, namespace)
    const missing = { reason: 'unknown-identity', text: `there is no service account ${namespace}/${name}` } as const
    if (!found) return missing
    if (proof === undefined) return undefined
    if (proof.by !== 'token')
      return { reason: 'certificate-invalid', text: 'service accounts have tokens, not certificates' }
    if (proof.uid !== found.metadata.uid) return missing
    if (proof.pod === undefined) return undefined
    const pod = this.#get<Pod>(podKind, proof.pod.name, namespace)
    const text = `the pod ${namespace}/${proof.pod.name} that the token was for is gone`
    return pod?.metadata.uid === proof.pod.uid ? undefined : { reason: 'unknown-identity', text }
  }

  #get<T extends KubernetesObject>(kind: Parameters<Cache['get']>[0], name: string, namespace?: string): T | undefined {
    return this.#cache.get<T>(kind, namespace, name)
  }
}
