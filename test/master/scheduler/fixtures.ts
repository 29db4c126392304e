/** Nodes and pods for tests of the scheduler, with only what a test is about spelled out. */
import type { Node, NodeSpec } from '../../../contract/resources/node.ts'
import type { Pod, PodSpec } from '../../../contract/resources/pod.ts'
import type { Candidate } from '../../../master/scheduler/filters/filter.ts'
import { readRequests } from '../../../master/scheduler/resources.ts'
import { ClusterSnapshot, type NodeLoad, ownerOf, type SnapshotNode } from '../../../master/scheduler/snapshot.ts'

export interface NodeOptions extends NodeSpec {
  labels?: Record<string, string>
  ready?: boolean
  cpu?: string
  memory?: string
  pods?: string
  usage?: NodeLoad
  extended?: Record<string, string>
}

export interface PodOptions extends Partial<PodSpec> {
  name?: string
  owner?: string
  requests?: Record<string, string>
}

export function makeNode(name: string, options: NodeOptions = {}): Node {
  const {
    labels = {},
    cpu = '4',
    memory = '4Gi',
    pods = '110',
    extended,
    ready: _ready,
    usage: _usage,
    ...spec
  } = options
  const resources = { cpu, memory, pods, ...extended }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec,
    status: { capacity: resources, allocatable: resources },
  }
}

export function makePod({ name = 'pod', owner, requests, ...spec }: PodOptions = {}): Pod {
  const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set', controller: true }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      ...(owner !== undefined && { ownerReferences: [{ ...reference, uid: owner }] }),
    },
    spec: { containers: [{ name: 'main', image: 'web', ...(requests && { resources: { requests } }) }], ...spec },
  }
}

export function makeSnapshot(nodes: Record<string, NodeOptions>): ClusterSnapshot {
  const snapshot = new ClusterSnapshot()
  for (const [name, options] of Object.entries(nodes)) {
    snapshot.setNode(makeNode(name, options), options.ready ?? true)
    snapshot.setUsage(name, options.usage)
  }
  return snapshot
}

export function snapshotNode(options: NodeOptions = {}, pods: Pod[] = []): SnapshotNode {
  const snapshot = makeSnapshot({ node: options })
  for (const pod of pods) snapshot.addPod(pod, 'node')
  return snapshot.node('node')!
}

export function makeCandidate(options: PodOptions = {}): Candidate {
  const pod = makePod(options)
  return { pod, requests: readRequests(pod), owner: ownerOf(pod) }
}
