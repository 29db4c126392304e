/** Node: the object of one board (core/v1), and NodeMetrics: what it uses just now (metrics.k8s.io/v1beta1). */
import type { Condition, KubernetesObject, ResourceList } from './meta.ts'
import type { TaintEffect } from './pod.ts'

export interface Node extends KubernetesObject {
  apiVersion: 'v1'
  kind: 'Node'
  spec: NodeSpec
  status?: NodeStatus
}

export interface NodeSpec {
  /** The node's share of the cluster's pod network, such as `10.244.3.0/24`; given out by the node controller. */
  podCIDR?: string
  podCIDRs?: string[]
  unschedulable?: boolean
  taints?: Taint[]
}

export interface Taint {
  key: string
  value?: string
  effect: TaintEffect
  timeAdded?: string
}

export interface NodeStatus {
  capacity?: ResourceList
  allocatable?: ResourceList
  conditions?: Condition[]
  addresses?: NodeAddress[]
  nodeInfo?: NodeSystemInfo
}

export interface NodeAddress {
  type: 'InternalIP' | 'ExternalIP' | 'Hostname'
  address: string
}

export interface NodeSystemInfo {
  /** `amd64`, `arm64` or `arm`: the names that images use. */
  architecture: string
  operatingSystem: string
  osImage: string
  kernelVersion: string
  containerRuntimeVersion: string
  /** The agent's version. */
  kubeletVersion: string
  kubeProxyVersion: string
  machineID: string
  systemUUID: string
  bootID: string
}

/** Held in the master's memory, never written to disk. */
export interface NodeMetrics extends KubernetesObject {
  apiVersion: 'metrics.k8s.io/v1beta1'
  kind: 'NodeMetrics'
  timestamp: string
  window: string
  /** `cpu` and `memory` as in Kubernetes, and `flotilla.dev/temperature` in °C where the board has a sensor. */
  usage: ResourceList
}

export const temperatureResource = 'flotilla.dev/temperature'
export const unreachableTaint = 'node.kubernetes.io/unreachable'
export const notReadyTaint = 'node.kubernetes.io/not-ready'
export const unschedulableTaint = 'node.kubernetes.io/unschedulable'
