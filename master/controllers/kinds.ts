/** The kinds that the controllers deal with, looked up once. */
import { kindOf } from '../store/objects.ts'

export const namespaceKind = kindOf({ apiVersion: 'v1', kind: 'Namespace' })
export const nodeKind = kindOf({ apiVersion: 'v1', kind: 'Node' })
export const podKind = kindOf({ apiVersion: 'v1', kind: 'Pod' })
export const serviceKind = kindOf({ apiVersion: 'v1', kind: 'Service' })
export const serviceAccountKind = kindOf({ apiVersion: 'v1', kind: 'ServiceAccount' })
export const deploymentKind = kindOf({ apiVersion: 'apps/v1', kind: 'Deployment' })
export const replicaSetKind = kindOf({ apiVersion: 'apps/v1', kind: 'ReplicaSet' })
export const endpointSliceKind = kindOf({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' })

export const rbacApiVersion = 'rbac.authorization.k8s.io/v1'
