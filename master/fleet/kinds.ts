/** The kinds that the fleet deals with, looked up once. */
import { kindOf } from '../store/objects.ts'

export const nodeKind = kindOf({ apiVersion: 'v1', kind: 'Node' })
export const podKind = kindOf({ apiVersion: 'v1', kind: 'Pod' })
export const configMapKind = kindOf({ apiVersion: 'v1', kind: 'ConfigMap' })
export const secretKind = kindOf({ apiVersion: 'v1', kind: 'Secret' })
export const serviceAccountKind = kindOf({ apiVersion: 'v1', kind: 'ServiceAccount' })
export const nodeIdentityKind = kindOf({ apiVersion: 'flotilla.dev/v1', kind: 'NodeIdentity' })
export const serviceKind = kindOf({ apiVersion: 'v1', kind: 'Service' })
export const endpointSliceKind = kindOf({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' })
