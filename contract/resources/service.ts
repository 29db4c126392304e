/** Service: one address for many pods (core/v1), and EndpointSlice: which pods those are (discovery.k8s.io/v1). */
import type { KubernetesObject } from './meta.ts'
import type { Protocol } from './pod.ts'

export interface Service extends KubernetesObject {
  apiVersion: 'v1'
  kind: 'Service'
  spec: ServiceSpec
  status?: { loadBalancer?: { ingress?: Array<{ ip?: string; hostname?: string }> } }
}

export interface ServiceSpec {
  type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
  selector?: Record<string, string>
  ports?: ServicePort[]
  /** `None` for a headless service. */
  clusterIP?: string
  clusterIPs?: string[]
  externalName?: string
  sessionAffinity?: 'None' | 'ClientIP'
  publishNotReadyAddresses?: boolean
  [field: string]: unknown
}

export interface ServicePort {
  name?: string
  protocol?: Protocol
  port: number
  /** A port number, or the name of a container's port. */
  targetPort?: number | string
  nodePort?: number
  appProtocol?: string
}

export interface EndpointSlice extends KubernetesObject {
  apiVersion: 'discovery.k8s.io/v1'
  kind: 'EndpointSlice'
  addressType: 'IPv4' | 'IPv6' | 'FQDN'
  endpoints: Endpoint[]
  ports?: Array<{ name?: string; protocol?: Protocol; port?: number }>
}

export interface Endpoint {
  addresses: string[]
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean }
  nodeName?: string
  targetRef?: { kind: string; namespace?: string; name: string; uid?: string }
}

/** On an EndpointSlice: the service it belongs to. */
export const serviceNameLabel = 'kubernetes.io/service-name'
