/** Pods without a controller, by namespace: few as a rule, so that adopting them does not mean searching all pods. */
import { controllerOf } from '../../contract/resources/owners.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import type { Change } from '../store/cache.ts'
import { keyOf } from './keys.ts'

export class OrphanPods {
  #byNamespace = new Map<string, Map<string, Pod>>()

  /** Takes note of a change to a pod. */
  note({ type, object }: Pick<Change, 'type'> & { object: Pod }): void {
    const namespace = object.metadata.namespace ?? ''
    const orphans = this.#byNamespace.get(namespace) ?? new Map<string, Pod>()
    if (type === 'put' && !controllerOf(object)) orphans.set(keyOf(object), object)
    else orphans.delete(keyOf(object))
    if (orphans.size > 0) this.#byNamespace.set(namespace, orphans)
    else this.#byNamespace.delete(namespace)
  }

  in(namespace: string): Pod[] {
    return [...(this.#byNamespace.get(namespace)?.values() ?? [])]
  }
}
