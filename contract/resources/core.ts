/** The small kinds of core/v1 and events.k8s.io: Namespace, ConfigMap, Event. */
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
