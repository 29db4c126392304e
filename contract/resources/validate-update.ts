/** Which fields of an object may change once it is there (`ValidateObjectMetaUpdate` and the update rules of each kind). */
import { isDeepStrictEqual } from 'node:util'
import type { Problem } from '../../kit/errors.ts'
import type { ConfigMap, Secret } from './core.ts'
import type { KubernetesObject } from './meta.ts'
import type { Node } from './node.ts'
import { at, type Place, report } from './place.ts'
import type { Container, Pod, PodSpec } from './pod.ts'
import type { ClusterRoleBinding, RoleBinding } from './rbac.ts'
import type { Service } from './service.ts'
import type { JoinToken, NodeIdentity, User } from './trust.ts'
import { checkNodeIdentityChange } from './validate-trust.ts'
import type { Deployment, ReplicaSet } from './workloads.ts'

type Rule = (next: KubernetesObject, previous: KubernetesObject, place: Place) => void

const rules: Record<string, Rule> = {
  Pod: (next, previous, place) => checkPod(next as Pod, previous as Pod, place),
  ReplicaSet: (next, previous, place) => checkPodSelector(next as ReplicaSet, previous as ReplicaSet, place),
  Deployment: (next, previous, place) => checkPodSelector(next as Deployment, previous as Deployment, place),
  Service: (next, previous, place) => checkService(next as Service, previous as Service, place),
  ConfigMap: (next, previous, place) => checkConfigMap(next as ConfigMap, previous as ConfigMap, place),
  Secret: (next, previous, place) => checkSecret(next as Secret, previous as Secret, place),
  JoinToken: (next, previous, place) => checkJoinToken(next as JoinToken, previous as JoinToken, place),
  NodeIdentity: (next, previous, place) =>
    checkNodeIdentityChange(next as NodeIdentity, previous as NodeIdentity, place),
  User: (next, previous, place) =>
    requireSame(at(place, 'spec', 'tool'), (next as User).spec.tool ?? false, (previous as User).spec.tool ?? false),
  RoleBinding: (next, previous, place) => checkRoleRef(next as RoleBinding, previous as RoleBinding, place),
  ClusterRoleBinding: (next, previous, place) =>
    checkRoleRef(next as ClusterRoleBinding, previous as ClusterRoleBinding, place),
  Node: (next, previous, place) => checkNode(next as Node, previous as Node, place),
}

/** Both with defaults. A field that the server gives out (uid, clusterIP …) may be left out of `next`: that keeps it. */
export function validateUpdate(next: KubernetesObject, previous: KubernetesObject): Problem[] {
  const place: Place = { path: '', problems: [] }
  requireSame(at(place, 'kind'), next.kind, previous.kind)
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp'] as const) {
    requireKept(at(place, 'metadata', field), next.metadata[field], previous.metadata[field])
  }
  if (next.kind === previous.kind) rules[next.kind]?.(next, previous, place)
  return place.problems
}

function checkPodSelector(next: Deployment | ReplicaSet, previous: Deployment | ReplicaSet, place: Place): void {
  requireSame(at(place, 'spec', 'selector'), next.spec.selector, previous.spec.selector)
}

/** Who may name the subjects of a binding must not come to choose the role. */
function checkRoleRef(
  next: RoleBinding | ClusterRoleBinding,
  previous: RoleBinding | ClusterRoleBinding,
  place: Place,
): void {
  requireSame(at(place, 'roleRef'), next.roleRef, previous.roleRef)
}

function checkService({ spec }: Service, { spec: before }: Service, place: Place): void {
  // Between ExternalName and the other types the address comes and goes.
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return
  requireKept(at(place, 'spec', 'clusterIP'), spec.clusterIP, before.clusterIP)
}

function checkConfigMap(next: ConfigMap, previous: ConfigMap, place: Place): void {
  if (previous.immutable !== true) return
  for (const field of ['immutable', 'data', 'binaryData'] as const) {
    requireSame(at(place, field), next[field], previous[field])
  }
}

function checkSecret(next: Secret, previous: Secret, place: Place): void {
  // Whoever reads one by its type would get what that type does not promise.
  requireKept(at(place, 'type'), next.type, previous.type)
  if (previous.immutable !== true) return
  for (const field of ['immutable', 'data'] as const) requireSame(at(place, field), next[field], previous[field])
}

/** Whom a token lets in does not change; until when, and how often, may. */
function checkJoinToken({ spec }: JoinToken, { spec: before }: JoinToken, place: Place): void {
  for (const field of ['tokenHash', 'nodeName'] as const) {
    requireSame(at(place, 'spec', field), spec[field], before[field])
  }
}

function checkNode({ spec }: Node, { spec: before }: Node, place: Place): void {
  requireKept(at(place, 'spec', 'podCIDR'), spec.podCIDR, before.podCIDR)
}

/** A running pod can get other images, more tolerations, and less time. */
function checkPod({ spec }: Pod, { spec: before }: Pod, place: Place): void {
  const inside = at(place, 'spec')
  checkDeadline(spec['activeDeadlineSeconds'], before['activeDeadlineSeconds'], at(inside, 'activeDeadlineSeconds'))
  for (const [index, toleration] of (before.tolerations ?? []).entries()) {
    const isKept = spec.tolerations?.some(candidate => isDeepStrictEqual(candidate, toleration))
    if (!isKept)
      report(at(inside, 'tolerations', index), 'cannot be changed or taken away: tolerations can only be added')
  }
  const [fixed, fixedBefore] = [withoutMutable(spec), withoutMutable(withAccount(before))]
  for (const field of new Set([...Object.keys(fixed), ...Object.keys(fixedBefore)])) {
    requireSame(at(inside, field), fixed[field], fixedBefore[field])
  }
}

/** A pod that was made before pods were told their account had this one all the same. */
function withAccount(spec: PodSpec): PodSpec {
  const { serviceAccountName = 'default' } = spec
  return { ...spec, serviceAccountName, serviceAccount: serviceAccountName }
}

function checkDeadline(next: unknown, previous: unknown, place: Place): void {
  if (previous === undefined || next === previous) return
  if (typeof next !== 'number' || typeof previous !== 'number' || next > previous) {
    report(place, `can only be lowered once it is set: it is ${String(previous)}`)
  }
}

function withoutMutable(spec: PodSpec): Record<string, unknown> {
  const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, ...fixed } = spec
  const { terminationGracePeriodSeconds: _grace, ...rest } = fixed
  const withoutImages = (list: unknown): unknown =>
    Array.isArray(list) ? list.map(({ image: _image, imagePullPolicy: _policy, ...others }: Container) => others) : list
  return {
    ...rest,
    containers: withoutImages(spec.containers),
    ...(spec['initContainers'] === undefined ? {} : { initContainers: withoutImages(spec['initContainers']) }),
  }
}

function requireSame(place: Place, next: unknown, previous: unknown): void {
  if (!isDeepStrictEqual(next, previous)) report(place, `cannot be changed: delete the object and create it anew`)
}

function requireKept(place: Place, next: unknown, previous: unknown): void {
  const isFree = next === undefined || next === '' || previous === undefined || previous === ''
  if (!isFree) requireSame(place, next, previous)
}
