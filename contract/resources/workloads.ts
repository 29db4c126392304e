/** Deployment and ReplicaSet (apps/v1): how many pods of one template there should be, and how to change them. */
import type { Condition, KubernetesObject, LabelSelector } from './meta.ts'
import type { PodTemplate } from './pod.ts'

export interface ReplicaSet extends KubernetesObject {
  apiVersion: 'apps/v1'
  kind: 'ReplicaSet'
  spec: {
    replicas?: number
    minReadySeconds?: number
    selector: LabelSelector
    template: PodTemplate
  }
  status?: ReplicaSetStatus
}

export interface ReplicaSetStatus {
  replicas: number
  fullyLabeledReplicas?: number
  readyReplicas?: number
  availableReplicas?: number
  observedGeneration?: number
  conditions?: Condition[]
}

export interface Deployment extends KubernetesObject {
  apiVersion: 'apps/v1'
  kind: 'Deployment'
  spec: {
    replicas?: number
    minReadySeconds?: number
    paused?: boolean
    progressDeadlineSeconds?: number
    revisionHistoryLimit?: number
    selector: LabelSelector
    strategy?: DeploymentStrategy
    template: PodTemplate
  }
  status?: DeploymentStatus
}

export interface DeploymentStrategy {
  type?: 'RollingUpdate' | 'Recreate'
  /** Each a number of pods or a share such as `25%`. */
  rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string }
}

export interface DeploymentStatus {
  observedGeneration?: number
  replicas?: number
  updatedReplicas?: number
  readyReplicas?: number
  availableReplicas?: number
  unavailableReplicas?: number
  conditions?: Condition[]
  collisionCount?: number
}

/** The hash of its template that a Deployment writes on its ReplicaSets and pods. */
export const podTemplateHashLabel = 'pod-template-hash'
/** The number of the rollout, counted from 1, on a Deployment and its ReplicaSets. */
export const revisionAnnotation = 'deployment.kubernetes.io/revision'
