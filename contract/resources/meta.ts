/** What every object carries: apiVersion, kind, metadata. Shapes follow Kubernetes' API reference (meta/v1). */

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export interface ObjectMeta {
  name: string
  /** Absent for kinds that belong to the whole cluster. */
  namespace?: string
  generateName?: string
  /** Set by the API at creation, as are `creationTimestamp` and `generation`. */
  uid?: string
  /** The store's revision of the last change, as a decimal string. Never stored, always served. */
  resourceVersion?: string
  /** Grows by one at each change of anything but metadata and status. */
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
}

export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

/** An object whose kind is not known at compile time. */
export interface AnyObject extends KubernetesObject {
  spec?: Record<string, unknown>
  status?: Record<string, unknown>
  [field: string]: unknown
}

export interface ObjectList<T extends KubernetesObject = AnyObject> {
  apiVersion: string
  kind: string
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number }
  items: T[]
}

export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason?: string
  message?: string
  lastTransitionTime?: string
  lastUpdateTime?: string
  lastHeartbeatTime?: string
  lastProbeTime?: string | null
  observedGeneration?: number
}

export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: LabelSelectorRequirement[]
}

export interface LabelSelectorRequirement {
  key: string
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  values?: string[]
}

/** Names of resources (`cpu`, `memory`, `pods`, extended ones) to quantities such as `100m` or `64Mi`. */
export type ResourceList = Record<string, string>
