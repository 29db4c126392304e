/**
 * Makes the roles and bindings that every cluster has, at each start of a master: what is missing in them is put back, what
 * somebody has added stays (as kube-apiserver reconciles its own).
 */
import { isDeepStrictEqual } from 'node:util'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import type { ClusterRole, ClusterRoleBinding } from '../../contract/resources/rbac.ts'
import { hasCode } from '../../kit/errors.ts'
import { kindOf, type Objects } from '../store/objects.ts'
import { autoUpdateAnnotation, builtinBindings, builtinRoles } from './builtin-roles.ts'

export async function ensureRbac(objects: Objects): Promise<void> {
  for (const role of builtinRoles) await ensure(objects, role, repairRole)
  for (const binding of builtinBindings) await ensure(objects, binding, repairBinding)
}

/** `repair` gives what is there with what it lacks of `wanted`. */
async function ensure<T extends KubernetesObject>(
  objects: Objects,
  wanted: T,
  repair: (current: T, wanted: T) => T,
): Promise<void> {
  const kind = kindOf(wanted)
  const { name } = wanted.metadata
  const found = await objects.update<T>({ kind, name }, current => {
    if (current.metadata.annotations?.[autoUpdateAnnotation] === 'false') return undefined
    return repair({ ...current, metadata: withMetadataOf(current, wanted) }, wanted)
  })
  if (found) return
  try {
    await objects.create(wanted)
  } catch (error) {
    // Somebody else was faster: it is there, which is all that was wanted.
    if (!hasCode(error, 'AlreadyExists')) throw error
  }
}

function withMetadataOf<T extends KubernetesObject>({ metadata }: T, wanted: T): T['metadata'] {
  const labels = { ...metadata.labels, ...wanted.metadata.labels }
  return { ...metadata, labels, annotations: { ...metadata.annotations, ...wanted.metadata.annotations } }
}

function repairRole(current: ClusterRole, wanted: ClusterRole): ClusterRole {
  const { aggregationRule } = wanted
  if (aggregationRule) return { ...current, aggregationRule }
  return { ...current, rules: withMissing(current.rules, wanted.rules) }
}

/** A binding to another role is another binding: it is put back whole. */
function repairBinding(current: ClusterRoleBinding, wanted: ClusterRoleBinding): ClusterRoleBinding {
  const { roleRef } = wanted
  return { ...current, roleRef, subjects: withMissing(current.subjects, wanted.subjects) }
}

function withMissing<T>(present: readonly T[] = [], wanted: readonly T[] = []): T[] {
  return [...present, ...wanted.filter(item => !present.some(other => isDeepStrictEqual(other, item)))]
}
