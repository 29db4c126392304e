/**
 * What it means to delete an object, for the API and the controllers alike: some go at once, some are marked and go when
 * others have done their part (the node has stopped the pod, finalizers are through, a namespace is empty).
 */
import type { Namespace } from '../../contract/resources/core.ts'
import { findKind } from '../../contract/resources/kinds.ts'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { rfc3339 } from '../../kit/clock.ts'
import { hasCode } from '../../kit/errors.ts'
import { kindOf, type Objects } from './objects.ts'

export interface DeleteOptions {
  /** For pods: how long they may take to end. 0 removes the object at once, without waiting for the node. */
  gracePeriodSeconds?: number
  /** Wall clock, ms since 1970. */
  nowMs: number
}

export interface Deletion {
  /** `deleted`: the object is gone. `deleting`: it is marked, and goes later. */
  outcome: 'deleted' | 'deleting'
  /** As last seen. */
  object: KubernetesObject
}

export type DeletionPlan = { type: 'remove' } | { type: 'mark'; object: KubernetesObject } | { type: 'wait' }

/** How often to start again when someone else changes the object meanwhile. */
const maxConflicts = 8
/** Kubernetes' default of `terminationGracePeriodSeconds`. */
const defaultGraceSeconds = 30

/** Deletes this very object: another one of the same name (a new uid) is left alone. Repeating it is harmless. */
export async function deleteObject(
  objects: Objects,
  object: KubernetesObject,
  options: DeleteOptions,
): Promise<Deletion> {
  const { namespace, name, uid } = object.metadata
  for (let attempt = 1; ; attempt++) {
    const current = await objects.get(kindOf(object), namespace, name)
    if (!current || (uid !== undefined && current.metadata.uid !== uid)) return { outcome: 'deleted', object }
    const plan = planDeletion(current, { ...options, nodeExists: await hasNode(objects, current) })
    try {
      if (plan.type === 'wait') return { outcome: 'deleting', object: current }
      if (plan.type === 'mark') return { outcome: 'deleting', object: await objects.replace(plan.object) }
      await objects.remove(current)
      return { outcome: 'deleted', object: current }
    } catch (error) {
      if (!hasCode(error, 'Conflict', 'NotFound') || attempt >= maxConflicts) throw error
    }
  }
}

/** Pure: what deleting `object` comes to. `nodeExists`: whether the node that a pod is bound to has an object. */
export function planDeletion(object: KubernetesObject, options: DeleteOptions & { nodeExists: boolean }): DeletionPlan {
  const graceSeconds = graceOf(object, options)
  const held = (object.metadata.finalizers?.length ?? 0) > 0
  if (object.kind === 'Namespace') return markNamespace(object as Namespace, options.nowMs)
  if (graceSeconds === undefined && !held) return { type: 'remove' }
  const { deletionTimestamp } = object.metadata
  const dueMs = options.nowMs + (graceSeconds ?? 0) * 1000
  // A second deletion may shorten what is left, never lengthen it.
  if (deletionTimestamp !== undefined && Date.parse(deletionTimestamp) <= dueMs) return { type: 'wait' }
  const metadata = {
    ...object.metadata,
    deletionTimestamp: rfc3339(dueMs),
    deletionGracePeriodSeconds: graceSeconds ?? 0,
  }
  return { type: 'mark', object: { ...object, metadata } }
}

/** Seconds that the node gets to end a pod; undefined when there is nothing to wait for. */
function graceOf(object: KubernetesObject, options: DeleteOptions & { nodeExists: boolean }): number | undefined {
  if (object.kind !== 'Pod') return undefined
  const { spec, status } = object as Pod
  if (spec.nodeName === undefined || !options.nodeExists || options.gracePeriodSeconds === 0) return undefined
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0
  return options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? defaultGraceSeconds
}

function markNamespace(namespace: Namespace, nowMs: number): DeletionPlan {
  if (namespace.metadata.deletionTimestamp !== undefined) return { type: 'wait' }
  const metadata = { ...namespace.metadata, deletionTimestamp: rfc3339(nowMs) }
  const object: Namespace = { ...namespace, metadata, status: { ...namespace.status, phase: 'Terminating' } }
  return { type: 'mark', object }
}

async function hasNode(objects: Objects, object: KubernetesObject): Promise<boolean> {
  const nodeName = object.kind === 'Pod' ? (object as Pod).spec.nodeName : undefined
  return nodeName !== undefined && (await objects.get(nodeKind, undefined, nodeName)) !== undefined
}

const nodeKind = findKind('v1', 'Node')!
