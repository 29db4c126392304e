/** Rules of metadata and of label selectors (apimachinery `ValidateObjectMeta`, `ValidateLabelSelector`). */
import type { Kind } from './kinds.ts'
import type { LabelSelector, LabelSelectorRequirement, ObjectMeta } from './meta.ts'
import {
  checkLabelName,
  checkLabelValue,
  checkQualifiedName,
  checkServiceName,
  checkSubdomainName,
  type NameRule,
} from './names.ts'
import { at, checkName, checkOneOf, type Place, report } from './place.ts'
import { rbacNameRules } from './validate-rbac.ts'
import { trustNameRules } from './validate-trust.ts'

const maxAnnotationsBytes = 256 * 1024

/** Nodes are DNS labels here, which Kubernetes does not ask for: their names are levels of MQTT topics. */
const nameRules: Record<string, NameRule> = {
  Namespace: checkLabelName,
  Node: checkLabelName,
  Service: checkServiceName,
  ...rbacNameRules,
  ...trustNameRules,
}

export function validateMeta(metadata: Partial<ObjectMeta>, kind: Kind, place: Place): void {
  validateName(metadata, nameRules[kind.kind] ?? checkSubdomainName, place)
  const { namespace } = metadata
  if (kind.namespaced && namespace !== undefined) checkName(at(place, 'namespace'), namespace, checkLabelName)
  if (!kind.namespaced && namespace)
    report(at(place, 'namespace'), `must be left out: a ${kind.kind} belongs to the whole cluster`)
  validateLabels(metadata.labels, at(place, 'labels'))
  validateAnnotations(metadata.annotations, at(place, 'annotations'))
  validateOwners(metadata, at(place, 'ownerReferences'))
  for (const [index, finalizer] of (metadata.finalizers ?? []).entries()) {
    checkName(at(place, 'finalizers', index), finalizer, checkQualifiedName)
  }
}

export function validateLabels(labels: Record<string, string> | undefined, place: Place): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    checkName(at(place, key), key, checkQualifiedName)
    checkName(at(place, key), value, checkLabelValue)
  }
}

export function validateAnnotations(annotations: Record<string, string> | undefined, place: Place): void {
  let bytes = 0
  for (const [key, value] of Object.entries(annotations ?? {})) {
    checkName(at(place, key), key.toLowerCase(), checkQualifiedName)
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (bytes > maxAnnotationsBytes) report(place, `hold ${bytes} bytes: use at most ${maxAnnotationsBytes}`)
}

export function validateSelector(selector: LabelSelector, place: Place): void {
  validateLabels(selector.matchLabels, at(place, 'matchLabels'))
  for (const [index, requirement] of (selector.matchExpressions ?? []).entries()) {
    validateRequirement(requirement, at(place, 'matchExpressions', index))
  }
}

function validateRequirement({ key, operator, values = [] }: LabelSelectorRequirement, place: Place): void {
  checkName(at(place, 'key'), key, checkQualifiedName)
  checkOneOf(at(place, 'operator'), operator, ['In', 'NotIn', 'Exists', 'DoesNotExist'])
  const takesValues = operator === 'In' || operator === 'NotIn'
  const takesNone = operator === 'Exists' || operator === 'DoesNotExist'
  if (takesValues && values.length === 0) report(at(place, 'values'), `is required with the operator ${operator}`)
  if (takesNone && values.length > 0) report(at(place, 'values'), `must be left out with the operator ${operator}`)
  for (const [index, value] of values.entries()) checkName(at(place, 'values', index), value, checkLabelValue)
}

function validateName(metadata: Partial<ObjectMeta>, rule: NameRule, place: Place): void {
  const { name, generateName } = metadata
  if (name) checkName(at(place, 'name'), name, rule)
  // Whatever is generated ends in a letter or digit: only the prefix can be wrong.
  else if (generateName) checkName(at(place, 'generateName'), `${generateName}x`, rule)
  else report(at(place, 'name'), 'is required')
}

function validateOwners({ ownerReferences = [] }: Partial<ObjectMeta>, place: Place): void {
  const controllers = ownerReferences.filter(owner => owner.controller === true)
  if (controllers.length > 1) {
    report(place, `name ${controllers.length} controllers: an object has one at most`)
  }
  for (const [index, owner] of ownerReferences.entries()) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (owner[field] === '') report(at(place, index, field), 'is required')
    }
  }
}
