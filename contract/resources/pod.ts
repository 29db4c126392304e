/** Pod: containers that share a network address on one node (core/v1). Fields are those that Flotilla acts on. */
import type { Condition, KubernetesObject, ObjectMeta, ResourceList } from './meta.ts'
import type { PodSecurityContext, SecurityContext } from './security.ts'
import type { Volume, VolumeMount } from './volume.ts'

export interface Pod extends KubernetesObject {
  apiVersion: 'v1'
  kind: 'Pod'
  spec: PodSpec
  status?: PodStatus
}

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>
  spec: PodSpec
}

export interface PodSpec {
  containers: Container[]
  nodeName?: string
  nodeSelector?: Record<string, string>
  restartPolicy?: 'Always' | 'OnFailure' | 'Never'
  terminationGracePeriodSeconds?: number
  tolerations?: Toleration[]
  hostNetwork?: boolean
  hostname?: string
  serviceAccountName?: string
  automountServiceAccountToken?: boolean
  imagePullSecrets?: Array<{ name?: string }>
  volumes?: Volume[]
  securityContext?: PodSecurityContext
  [field: string]: unknown
}

export interface Container {
  name: string
  image: string
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
  command?: string[]
  args?: string[]
  workingDir?: string
  env?: EnvVar[]
  envFrom?: EnvFromSource[]
  ports?: ContainerPort[]
  resources?: { requests?: ResourceList; limits?: ResourceList }
  volumeMounts?: VolumeMount[]
  securityContext?: SecurityContext
  stdin?: boolean
  stdinOnce?: boolean
  tty?: boolean
  [field: string]: unknown
}

export interface EnvVar {
  name: string
  value?: string
  valueFrom?: {
    configMapKeyRef?: KeyReference
    secretKeyRef?: KeyReference
    fieldRef?: { fieldPath: string; apiVersion?: string }
    [source: string]: unknown
  }
}

export interface KeyReference {
  name: string
  key: string
  optional?: boolean
}

export interface EnvFromSource {
  prefix?: string
  configMapRef?: { name: string; optional?: boolean }
  secretRef?: { name: string; optional?: boolean }
  [source: string]: unknown
}

export interface ContainerPort {
  name?: string
  containerPort: number
  hostPort?: number
  hostIP?: string
  protocol?: Protocol
}

export type Protocol = 'TCP' | 'UDP' | 'SCTP'

export interface Toleration {
  key?: string
  operator?: 'Exists' | 'Equal'
  value?: string
  effect?: TaintEffect
  tolerationSeconds?: number
}

export type TaintEffect = 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'

export interface PodStatus {
  phase?: PodPhase
  reason?: string
  message?: string
  hostIP?: string
  podIP?: string
  podIPs?: Array<{ ip: string }>
  startTime?: string
  conditions?: Condition[]
  containerStatuses?: ContainerStatus[]
  qosClass?: 'Guaranteed' | 'Burstable' | 'BestEffort'
}

export interface ContainerStatus {
  name: string
  image: string
  imageID: string
  containerID?: string
  ready: boolean
  started?: boolean
  restartCount: number
  state?: ContainerState
  lastState?: ContainerState
}

/** Exactly one of the three. */
export interface ContainerState {
  waiting?: { reason?: string; message?: string }
  running?: { startedAt?: string }
  terminated?: {
    exitCode: number
    signal?: number
    reason?: string
    message?: string
    startedAt?: string
    finishedAt?: string
    containerID?: string
  }
}
