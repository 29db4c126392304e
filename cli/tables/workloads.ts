/** Deployments and ReplicaSets. */
import type { Deployment, ReplicaSet } from '../../contract/resources/workloads.ts'
import { ageColumn, formatSelector, nameColumn, templateColumns } from './common.ts'
import type { Column } from './table-kind.ts'

export const deploymentColumns: Column<Deployment>[] = [
  nameColumn(),
  { title: 'READY', cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}` },
  { title: 'UP-TO-DATE', cell: ({ status }) => String(status?.updatedReplicas ?? 0) },
  { title: 'AVAILABLE', cell: ({ status }) => String(status?.availableReplicas ?? 0) },
  ageColumn(),
  ...templateColumns<Deployment>(deployment => deployment.spec.template.spec.containers),
  { title: 'SELECTOR', wide: true, cuttable: true, cell: deployment => formatSelector(deployment.spec.selector) },
]

export const replicaSetColumns: Column<ReplicaSet>[] = [
  nameColumn(),
  { title: 'DESIRED', cell: ({ spec }) => String(spec.replicas ?? 1) },
  { title: 'CURRENT', cell: ({ status }) => String(status?.replicas ?? 0) },
  { title: 'READY', cell: ({ status }) => String(status?.readyReplicas ?? 0) },
  ageColumn(),
  ...templateColumns<ReplicaSet>(replicaSet => replicaSet.spec.template.spec.containers),
  { title: 'SELECTOR', wide: true, cuttable: true, cell: replicaSet => formatSelector(replicaSet.spec.selector) },
]
