/** ReplicaSets and pods for tests of what controllers decide. */
import type { Condition } from '../../../contract/resources/meta.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import type { Deployment, ReplicaSet } from '../../../contract/resources/workloads.ts'
import { makeDeployment, makeTemplate } from '../../support/simulation.ts'

export interface SetOptions {
  name?: string
  version?: string
  available?: number
  annotations?: Record<string, string>
  created?: string
  status?: ReplicaSet['status']
}

export function makeReplicaSet(replicas: number, options: SetOptions = {}): ReplicaSet {
  const { version = 'v1', available = replicas, annotations = {}, created = '2026-01-01T00:00:00Z' } = options
  const { name = `web-${version}`, status } = options
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      annotations,
      creationTimestamp: created,
      generation: 1,
    },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: makeTemplate('web', version) },
    status: status ?? { replicas, availableReplicas: available, readyReplicas: available, observedGeneration: 1 },
  }
}

export function webDeployment(replicas: number, overrides: Partial<Deployment['spec']> = {}): Deployment {
  const deployment = makeDeployment('web', replicas, overrides)
  return { ...deployment, metadata: { ...deployment.metadata, uid: 'uid-web', generation: 1 } }
}

export interface PodOptions {
  node?: string
  phase?: NonNullable<Pod['status']>['phase']
  readySince?: string
  restarts?: number
  created?: string
  annotations?: Record<string, string>
  ip?: string
  deleted?: boolean
}

export function makePod(name: string, options: PodOptions = {}): Pod {
  const { node, phase = 'Running', readySince, restarts = 0, created = '2026-01-01T00:00:00Z' } = options
  const { annotations = {}, ip, deleted = false } = options
  const ready: Condition[] = readySince ? [{ type: 'Ready', status: 'True', lastTransitionTime: readySince }] : []
  const container = { name: 'main', image: 'web', imageID: '', ready: ready.length > 0, restartCount: restarts }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      labels: { app: 'web' },
      annotations,
      creationTimestamp: created,
      ...(deleted && { deletionTimestamp: '2026-01-01T00:01:00Z' }),
    },
    spec: { ...makeTemplate('web', 'v1').spec, ...(node !== undefined && { nodeName: node }) },
    status: { phase, conditions: ready, containerStatuses: [container], ...(ip !== undefined && { podIP: ip }) },
  }
}
