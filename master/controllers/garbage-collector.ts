/** Takes away what nobody wants any more: objects whose owners are gone, pods of removed nodes, ended namespaces. */
import { apiVersionOf, findKind, type Kind, kinds } from '../../contract/resources/kinds.ts'
import type { AnyObject, KubernetesObject, OwnerReference } from '../../contract/resources/meta.ts'
import type { Change } from '../store/cache.ts'
import type { Controller } from './controller.ts'
import { namespaceKind, nodeKind, podKind } from './kinds.ts'
import { OwnerIndex } from './owner-index.ts'
import type { ControllersParts } from './room.ts'
import { Writer } from './writer.ts'

/** Kinds whose objects live and end with their namespace. */
const namespacedKinds = kinds.filter(kind => kind.namespaced && !kind.virtual)
/** Objects of one namespace that are deleted side by side. */
const deletionsAtOnce = 200

interface Place {
  kind: Kind | undefined
  namespace: string
  name: string
}

export class GarbageCollector implements Controller {
  readonly name = 'garbage-collector'
  #parts: ControllersParts
  #writer: Writer
  #owners = new OwnerIndex()

  constructor(parts: ControllersParts) {
    this.#parts = parts
    this.#writer = new Writer(parts)
  }

  keysOf({ kind, type, object }: Change): string[] {
    const key = keyOf(kind, object)
    const dependents = this.#owners.take({ key, type, object })
    if (type === 'delete') return [...dependents, ...this.#leftBehind(kind, object)]
    const { metadata, spec } = object
    const nodeName = kind === podKind ? (spec?.['nodeName'] as string | undefined) : undefined
    const isWaitingForItsEnd = metadata.deletionTimestamp !== undefined
    const isSuspect = isWaitingForItsEnd || this.#owners.hasUnknownOwner(object)
    return [
      ...(isSuspect ? [key] : []),
      ...(nodeName !== undefined && !this.#parts.cache.get(nodeKind, undefined, nodeName) ? [nodeKey(nodeName)] : []),
      ...(kind.namespaced ? this.#endingNamespace(metadata.namespace) : []),
    ]
  }

  async reconcile(key: string): Promise<undefined> {
    await this.#reconcile(splitKey(key))
  }

  async #reconcile({ kind, namespace, name }: Place): Promise<void> {
    if (!kind) return
    if (kind === nodeKind && !(await this.#parts.objects.get(nodeKind, undefined, name))) {
      return this.#deletePodsOf(name)
    }
    const object = this.#parts.cache.get<AnyObject>(kind, namespace, name)
    if (!object) return
    if (kind === namespaceKind) return this.#endNamespace(object)
    if (object.metadata.deletionTimestamp !== undefined) return this.#finish(kind, object)
    await this.#judgeOwners(object)
  }

  /** What a removed object leaves: the pods of a node, or one object less in a namespace that ends. */
  #leftBehind(kind: Kind, { metadata }: AnyObject): string[] {
    if (kind === nodeKind) return [nodeKey(metadata.name)]
    return kind.namespaced ? this.#endingNamespace(metadata.namespace) : []
  }

  #endingNamespace(name: string | undefined): string[] {
    const namespace = name === undefined ? undefined : this.#parts.cache.get(namespaceKind, undefined, name)
    return namespace?.metadata.deletionTimestamp === undefined ? [] : [keyOf(namespaceKind, namespace)]
  }

  /** The object goes when all its owners are gone; of several, those that are gone are forgotten. */
  async #judgeOwners(object: AnyObject): Promise<void> {
    const references = object.metadata.ownerReferences ?? []
    const present = await Promise.all(references.map(reference => this.#exists(reference, object)))
    if (references.length === 0 || present.every(Boolean)) return
    if (!present.some(Boolean)) return this.#writer.delete(object)
    const ownerReferences = references.filter((_reference, index) => present[index])
    await this.#writer.replace({ ...object, metadata: { ...object.metadata, ownerReferences } })
  }

  /** Asked of the store itself: an owner that the cache does not show yet is not gone. */
  async #exists({ apiVersion, kind, name, uid }: OwnerReference, { metadata }: AnyObject): Promise<boolean> {
    if (this.#owners.has(uid)) return true
    const ownerKind = findKind(apiVersion, kind)
    // Nothing can be known about an owner of a kind that Flotilla does not have.
    if (!ownerKind) return true
    const owner = await this.#parts.objects.get(ownerKind, metadata.namespace, name)
    return owner?.metadata.uid === uid
  }

  /** A marked object goes when its last finalizer has; a pod on a node when its agent has reported it gone. */
  async #finish(kind: Kind, object: AnyObject): Promise<void> {
    const isHeld = (object.metadata.finalizers?.length ?? 0) > 0
    const nodeName = kind === podKind ? (object.spec?.['nodeName'] as string | undefined) : undefined
    const hasNode = nodeName !== undefined && (await this.#parts.objects.get(nodeKind, undefined, nodeName))
    if (!isHeld && !hasNode) await this.#writer.remove(object)
  }

  async #deletePodsOf(node: string): Promise<void> {
    await Promise.all(this.#parts.cache.podsOnNode(node).map(pod => this.#writer.delete(pod)))
  }

  /** First all that is in it, then the namespace; each object that goes later brings us here again. */
  async #endNamespace(namespace: AnyObject): Promise<void> {
    const { metadata } = namespace
    if (metadata.deletionTimestamp === undefined) return
    const contents = namespacedKinds.flatMap(kind => this.#parts.cache.list(kind, metadata.name))
    const unmarked = contents.filter(object => object.metadata.deletionTimestamp === undefined)
    for (let start = 0; start < unmarked.length; start += deletionsAtOnce) {
      const some = unmarked.slice(start, start + deletionsAtOnce)
      await Promise.all(some.map(object => this.#writer.delete(object)))
    }
    const isEmpty = namespacedKinds.every(kind => this.#parts.cache.list(kind, metadata.name).length === 0)
    if (isEmpty) await this.#writer.remove(namespace)
  }
}

function keyOf(kind: Kind, { metadata }: KubernetesObject): string {
  return `${apiVersionOf(kind)} ${kind.kind} ${metadata.namespace ?? ''} ${metadata.name}`
}

function nodeKey(name: string): string {
  return `v1 ${nodeKind.kind}  ${name}`
}

function splitKey(key: string): Place {
  const [apiVersion = '', kind = '', namespace = '', name = ''] = key.split(' ')
  return { kind: findKind(apiVersion, kind), namespace, name }
}
