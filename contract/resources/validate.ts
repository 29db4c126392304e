/** Whether an object keeps the rules of its kind; all that is wrong, at once. For objects of the right shape, with defaults. */
import type { Problem } from '../../kit/errors.ts'
import type { ConfigMap, Event, Secret, ServiceAccount } from './core.ts'
import { findKind } from './kinds.ts'
import type { KubernetesObject, ObjectMeta } from './meta.ts'
import type { Node } from './node.ts'
import { at, type Place, report } from './place.ts'
import type { Pod } from './pod.ts'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from './rbac.ts'
import type { EndpointSlice, Service } from './service.ts'
import type { JoinToken, NodeIdentity, User } from './trust.ts'
import { validateConfigMap, validateEvent, validateNode } from './validate-core.ts'
import { validateMeta } from './validate-meta.ts'
import { validatePodSpec } from './validate-pod.ts'
import { validateClusterRole, validateClusterRoleBinding, validateRole, validateRoleBinding } from './validate-rbac.ts'
import { validateSecret, validateServiceAccount } from './validate-secret.ts'
import { validateEndpointSlice, validateService } from './validate-service.ts'
import { validateJoinToken, validateNodeIdentity, validateUser } from './validate-trust.ts'
import { validateDeployment, validateReplicaSet } from './validate-workloads.ts'
import type { Deployment, ReplicaSet } from './workloads.ts'

/** Each kind that has rules beyond those of metadata. */
const rules: Record<string, (object: KubernetesObject, place: Place) => void> = {
  Pod: (object, place) => validatePodSpec((object as Pod).spec, at(place, 'spec')),
  ReplicaSet: (object, place) => validateReplicaSet(object as ReplicaSet, place),
  Deployment: (object, place) => validateDeployment(object as Deployment, place),
  Service: (object, place) => validateService(object as Service, place),
  EndpointSlice: (object, place) => validateEndpointSlice(object as EndpointSlice, place),
  ConfigMap: (object, place) => validateConfigMap(object as ConfigMap, place),
  Secret: (object, place) => validateSecret(object as Secret, place),
  ServiceAccount: (object, place) => validateServiceAccount(object as ServiceAccount, place),
  JoinToken: (object, place) => validateJoinToken(object as JoinToken, place),
  NodeIdentity: (object, place) => validateNodeIdentity(object as NodeIdentity, place),
  User: (object, place) => validateUser(object as User, place),
  Role: (object, place) => validateRole(object as Role, place),
  ClusterRole: (object, place) => validateClusterRole(object as ClusterRole, place),
  RoleBinding: (object, place) => validateRoleBinding(object as RoleBinding, place),
  ClusterRoleBinding: (object, place) => validateClusterRoleBinding(object as ClusterRoleBinding, place),
  Node: (object, place) => validateNode(object as Node, place),
  Event: (object, place) => validateEvent(object as Event, place),
}

/** Kubernetes' types let `spec` be absent; its rules then find every field of it missing. */
const kindsWithSpec = ['Pod', 'ReplicaSet', 'Deployment', 'Service']

export function validateObject(object: KubernetesObject): Problem[] {
  const place: Place = { path: '', problems: [] }
  const { metadata = {}, spec }: { metadata?: Partial<ObjectMeta>; spec?: unknown } = object
  const kind = findKind(object.apiVersion, object.kind)
  if (kind === undefined) {
    return [{ path: 'kind', message: `unknown kind ${object.kind} in ${object.apiVersion}` }]
  }
  validateMeta(metadata, kind, at(place, 'metadata'))
  if (spec === undefined && kindsWithSpec.includes(kind.kind)) report(at(place, 'spec'), 'is required')
  else rules[kind.kind]?.(object, place)
  return place.problems
}
