/** Objects by a name that several of them share (their namespace, owner or node), for the cache. */
import type { AnyObject } from '../../contract/resources/meta.ts'

export class ObjectIndex {
  readonly nameOf: (object: AnyObject) => string | undefined
  #groups = new Map<string, Map<string, AnyObject>>()

  /** `nameOf` says under which name an object is found; undefined: not in this index. */
  constructor(nameOf: (object: AnyObject) => string | undefined) {
    this.nameOf = nameOf
  }

  put(key: string, object: AnyObject): void {
    const name = this.nameOf(object)
    if (name === undefined) return
    const group = this.#groups.get(name) ?? new Map<string, AnyObject>()
    this.#groups.set(name, group.set(key, object))
  }

  delete(key: string, object: AnyObject): void {
    const name = this.nameOf(object)
    if (name === undefined) return
    const group = this.#groups.get(name)
    group?.delete(key)
    if (group?.size === 0) this.#groups.delete(name)
  }

  /** In no particular order. */
  find(name: string): AnyObject[] {
    return [...(this.#groups.get(name)?.values() ?? [])]
  }
}
