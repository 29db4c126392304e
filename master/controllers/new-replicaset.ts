/** The ReplicaSet of a Deployment's template, and what the Deployment writes on its ReplicaSets. Pure. */
import type { LabelSelector } from '../../contract/resources/meta.ts'
import { controllerReference } from '../../contract/resources/owners.ts'
import { podTemplateHash } from '../../contract/resources/template-hash.ts'
import {
  type Deployment,
  podTemplateHashLabel,
  type ReplicaSet,
  revisionAnnotation,
} from '../../contract/resources/workloads.ts'
import { desiredReplicasAnnotation, maxReplicasAnnotation, rolloutBounds } from './replica-counts.ts'

/** Annotations of a Deployment that say something about itself alone. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
])

/** The hash in the selector keeps ReplicaSets of one Deployment from adopting each other's pods. */
export function newReplicaSet(
  deployment: Deployment,
  { replicas, revision, collisions }: { replicas: number; revision: number; collisions: number },
): ReplicaSet {
  const { metadata, spec } = deployment
  const hash = podTemplateHash(spec.template, collisions)
  const labels = { ...spec.template.metadata?.labels, [podTemplateHashLabel]: hash }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${metadata.name}-${hash}`,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      labels,
      annotations: replicaSetAnnotations(deployment, { revision }),
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      ...(spec.minReadySeconds !== undefined && { minReadySeconds: spec.minReadySeconds }),
      selector: withHash(spec.selector, hash),
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  }
}

/** The Deployment's own annotations go along (`kubernetes.io/change-cause` is read from there). */
export function replicaSetAnnotations(
  deployment: Deployment,
  { revision, present = {} }: { revision?: number; present?: Record<string, string> },
): Record<string, string> {
  const { replicas, maxTotal } = rolloutBounds(deployment)
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !ownAnnotations.has(name))
  return {
    ...present,
    ...(revision !== undefined && { ...Object.fromEntries(copied), [revisionAnnotation]: String(revision) }),
    [desiredReplicasAnnotation]: String(replicas),
    [maxReplicasAnnotation]: String(maxTotal),
  }
}

function withHash(selector: LabelSelector, hash: string): LabelSelector {
  return { ...selector, matchLabels: { ...selector.matchLabels, [podTemplateHashLabel]: hash } }
}
