/** Whom a certificate or a token is asked for, by the object that stands for them. */
import type { User } from '../../contract/resources/trust.ts'
import type { Target } from '../../contract/wire/api.ts'
import type { Identity } from '../../contract/wire/identity.ts'
import { badRequest } from './refusals.ts'
import type { Room } from './room.ts'
import { namedBy } from './target.ts'
import { readObject } from './verbs/get.ts'

/** Rejects with `NotFound` when there is no such user, node or service account. */
export async function identityOfTarget(room: Room, target: Target): Promise<Identity> {
  const named = namedBy(target)
  const { kind, name, namespace = 'default' } = named
  switch (kind.kind) {
    case 'User': {
      const { spec } = (await readObject(room, named)) as unknown as User
      return { kind: spec.tool ? 'tool' : 'user', name }
    }
    case 'NodeIdentity':
      await readObject(room, named)
      return { kind: 'node', name }
    case 'ServiceAccount':
      await readObject(room, named)
      return { kind: 'serviceAccount', namespace, name }
    default:
      throw badRequest(`${kind.plural} prove nothing of themselves: name a user, a node identity or a service account`)
  }
}
