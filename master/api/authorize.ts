/** Asked before every verb: who is it, and may he? What a verb needs beyond that it asks of the same permit. */
import type { ServiceAccount } from '../../contract/resources/core.ts'
import type { User } from '../../contract/resources/trust.ts'
import type { ReviewAttributes } from '../../contract/wire/api.ts'
import { type Identity, usernameOf } from '../../contract/wire/identity.ts'
import { CodedError } from '../../kit/errors.ts'
import { type Asker, askerOf } from '../authorization/asker.ts'
import { type Decision, decide, type Rights } from '../authorization/decide.ts'
import { RoleBook } from '../authorization/role-book.ts'
import type { Cache } from '../store/cache.ts'
import type { Store } from '../store/store.ts'
import { forbiddenTo, knownKind } from './refusals.ts'

/** One asker at one moment. */
export interface Permit {
  identity: Identity
  asker: Asker
  rights: Rights
  decide(attributes: ReviewAttributes): Decision
  /** Throws `Forbidden`. */
  demand(attributes: ReviewAttributes): void
  /** The asker that somebody else would be. */
  askerFor(identity: Identity): Asker
}

const userKind = knownKind('flotilla.dev/v1', 'User')
const nodeIdentityKind = knownKind('flotilla.dev/v1', 'NodeIdentity')
const serviceAccountKind = knownKind('v1', 'ServiceAccount')

export class Authorizer {
  #cache: Cache
  #store: Store
  #rights: Rights

  constructor({ cache, store }: { cache: Cache; store: Store }) {
    this.#cache = cache
    this.#store = store
    const book = new RoleBook()
    cache.onChange(({ type, object, previous }) => {
      if (type === 'put') book.put(object, previous)
      else book.delete(object)
    })
    const pullSecretsOf = (namespace: string, name: string): string[] => {
      const { imagePullSecrets = [] } = cache.get<ServiceAccount>(serviceAccountKind, namespace, name) ?? {}
      return imagePullSecrets.flatMap(secret => secret.name ?? [])
    }
    this.#rights = { book, nodes: { podsOn: node => cache.podsOnNode(node), pullSecretsOf } }
  }

  /** Rejects with `Unauthorized` when nobody of this name belongs to the cluster any more. */
  async permitFor(identity: Identity): Promise<Permit> {
    // A right that was taken is gone with the next request, and one that was given is there.
    await this.#cache.atLeast(this.#store.revision)
    const asker = askerOf(identity, this.#admit(identity))
    const rights = this.#rights
    return {
      identity,
      asker,
      rights,
      askerFor: other => this.#askerFor(other),
      decide: attributes => decide(rights, asker, attributes),
      demand(attributes) {
        if (!decide(rights, asker, attributes).allowed) throw forbiddenTo(asker, attributes)
      },
    }
  }

  #askerFor(identity: Identity): Asker {
    return askerOf(identity, identity.kind === 'user' ? this.#user(identity.name)?.spec.groups : [])
  }

  /** What brokers have checked is checked again: a broker of the user's own may not know yet who was cut off. */
  #admit(identity: Identity): readonly string[] {
    switch (identity.kind) {
      case 'user':
        return this.#admitUser(identity)
      case 'node': {
        const known = this.#cache.get(nodeIdentityKind, undefined, identity.name) as { spec?: { revoked?: boolean } }
        if (!known || known.spec?.revoked) throw unknownTo(identity)
        return []
      }
      case 'serviceAccount':
        if (!this.#cache.get(serviceAccountKind, identity.namespace, identity.name)) throw unknownTo(identity)
        return []
      case 'master':
        return []
      case 'tool':
      case 'joining':
        throw new CodedError('Forbidden', `User "${usernameOf(identity)}" cannot ask anything of the API`)
    }
  }

  #admitUser(identity: Identity & { kind: 'user' }): readonly string[] {
    const user = this.#user(identity.name)
    if (!user || user.spec.revoked || user.spec.tool) throw unknownTo(identity)
    return user.spec.groups ?? []
  }

  #user(name: string): User | undefined {
    return this.#cache.get<User>(userKind, undefined, name)
  }
}

function unknownTo(identity: Identity): CodedError {
  return new CodedError(
    'Unauthorized',
    `User "${usernameOf(identity)}" does not belong to this cluster, or not any more`,
  )
}
