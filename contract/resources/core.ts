/** The small kinds of core/v1: Namespace, ConfigMap, Secret, ServiceAccount, Event. */
import type { KubernetesObject } from './meta.ts'

export interface Namespace extends KubernetesObject {
  apiVersion: 'v1'
  kind: 'Namespace'
  spec?: { finalizers?: string[] }
  status?: { phase?: 'Active' | 'Terminating' }
}

export interface ConfigMap extends KubernetesObject {
  apiVersion: 'v1'
  kind: 'ConfigMap'
  data?: Record<string, string>
  binaryData?: Record<string, string>
  immutable?: boolean
}

export interface Secret extends KubernetesObject {
  apiVersion: 'v1'
  kind: 'Secret'
  /** `Opaque`, `kubernetes.io/tls` … */
  type?: string
  /** Base64. */
  data?: Record<string, string>
  /** Write-only: the API moves it into `data`. */
  stringData?: Record<string, string>
  immutable?: boolean
}

export interface ServiceAccount extends KubernetesObject {
  apiVersion: 'v1'
  kind: 'ServiceAccount'
  automountServiceAccountToken?: boolean
  imagePullSecrets?: Array<{ name?: string }>
}

/** What happened to whom. Repeats raise `count` and move `lastTimestamp`. */
export interface Event extends KubernetesObject {
  apiVersion: 'v1'
  kind: 'Event'
  involvedObject: ObjectReference
  type: 'Normal' | 'Warning'
  reason: string
  message: string
  count?: number
  firstTimestamp?: string
  lastTimestamp?: string
  source?: { component?: string; host?: string }
}

export interface ObjectReference {
  apiVersion?: string
  kind: string
  namespace?: string
  name: string
  uid?: string
}
