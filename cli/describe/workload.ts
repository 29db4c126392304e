/** Deployments and ReplicaSets: how many pods there are of how many, and of which template. */
import type { Deployment, ReplicaSet } from '../../contract/resources/workloads.ts'
import { formatSelector } from '../tables/common.ts'
import { conditionsOf, headOf } from './common.ts'
import type { Field } from './page.ts'
import { describeTemplate } from './pod.ts'

export function describeDeployment(deployment: Deployment, replicaSets: ReplicaSet[]): Field[] {
  const { spec, status = {}, metadata } = deployment
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, unavailableReplicas = 0 } = status
  const counts = `${spec.replicas ?? 1} desired | ${updatedReplicas} updated | ${replicas} total`
  const { type = 'RollingUpdate', rollingUpdate } = spec.strategy ?? {}
  const owned = replicaSets.filter(set => set.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid))
  return [
    ...headOf(deployment),
    ['Selector', formatSelector(spec.selector)],
    ['Replicas', `${counts} | ${availableReplicas} available | ${unavailableReplicas} unavailable`],
    ['StrategyType', type],
    [
      'RollingUpdateStrategy',
      rollingUpdate && `${rollingUpdate.maxUnavailable} max unavailable, ${rollingUpdate.maxSurge} max surge`,
    ],
    ['Pod Template', describeTemplate(spec.template)],
    conditionsOf(status.conditions),
    [
      'ReplicaSets',
      owned.map(
        set => `${set.metadata.name} (${set.status?.replicas ?? 0}/${set.spec.replicas ?? 1} replicas created)`,
      ),
    ],
  ]
}

export function describeReplicaSet(replicaSet: ReplicaSet): Field[] {
  const { spec, status } = replicaSet
  return [
    ...headOf(replicaSet),
    ['Selector', formatSelector(spec.selector)],
    [
      'Replicas',
      `${status?.replicas ?? 0} current / ${spec.replicas ?? 1} desired | ${status?.readyReplicas ?? 0} ready`,
    ],
    ['Pod Template', describeTemplate(spec.template)],
    conditionsOf(status?.conditions),
  ]
}
