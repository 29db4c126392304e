/** Who depends on whom, by uid: all owner references count, not only that of the controller. */
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { Change } from '../store/cache.ts'

export class OwnerIndex {
  #uids = new Set<string>()
  #dependents = new Map<string, Set<string>>()
  #ownersByKey = new Map<string, string[]>()

  /** Takes a change in; answers with the keys of those that have lost their owner by it. */
  take({ key, type, object }: { key: string } & Pick<Change, 'type' | 'object'>): string[] {
    const { uid } = object.metadata
    this.#relate(key, type === 'put' ? ownersOf(object) : [])
    if (uid === undefined) return []
    if (type === 'put') {
      this.#uids.add(uid)
      return []
    }
    this.#uids.delete(uid)
    return [...(this.#dependents.get(uid) ?? [])]
  }

  has(uid: string): boolean {
    return this.#uids.has(uid)
  }

  hasUnknownOwner(object: AnyObject): boolean {
    return ownersOf(object).some(owner => !this.#uids.has(owner))
  }

  #relate(key: string, owners: string[]): void {
    for (const owner of this.#ownersByKey.get(key) ?? []) {
      const dependents = this.#dependents.get(owner)
      dependents?.delete(key)
      if (dependents?.size === 0) this.#dependents.delete(owner)
    }
    if (owners.length > 0) this.#ownersByKey.set(key, owners)
    else this.#ownersByKey.delete(key)
    for (const owner of owners) {
      const dependents = this.#dependents.get(owner) ?? new Set<string>()
      this.#dependents.set(owner, dependents.add(key))
    }
  }
}

function ownersOf(object: AnyObject): string[] {
  return (object.metadata.ownerReferences ?? []).map(owner => owner.uid)
}
