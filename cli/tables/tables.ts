/** The table of each kind; a kind without one of its own shows name and age. */
import type { Kind } from '../../contract/resources/kinds.ts'
import type { AnyObject, KubernetesObject } from '../../contract/resources/meta.ts'
import { bindingColumns, roleColumns } from './access.ts'
import { ageColumn, formatLabels, nameColumn } from './common.ts'
import {
  configMapColumns,
  endpointSliceColumns,
  namespaceColumns,
  nodeMetricsColumns,
  secretColumns,
  serviceAccountColumns,
} from './core.ts'
import { eventColumns } from './events.ts'
import { nodeColumns } from './nodes.ts'
import { podColumns } from './pods.ts'
import { serviceColumns } from './services.ts'
import type { CellContext, Column } from './table-kind.ts'
import { joinTokenColumns, nodeIdentityColumns, userColumns } from './trust.ts'
import { deploymentColumns, replicaSetColumns } from './workloads.ts'

export interface TableView {
  wide: boolean
  showLabels: boolean
  /** A first column with the namespace. */
  withNamespace: boolean
  /** `deployment.apps/web` instead of `web`: where several kinds are shown. */
  withKind: boolean
}

/** Each list holds columns of its own kind of object; which one it is, the key says. */
const columnsByKind: Record<string, Column<never>[]> = {
  Pod: podColumns,
  Node: nodeColumns,
  Service: serviceColumns,
  Deployment: deploymentColumns,
  ReplicaSet: replicaSetColumns,
  Namespace: namespaceColumns,
  ConfigMap: configMapColumns,
  EndpointSlice: endpointSliceColumns,
  Event: eventColumns,
  NodeMetrics: nodeMetricsColumns,
  Secret: secretColumns,
  ServiceAccount: serviceAccountColumns,
  Role: roleColumns,
  ClusterRole: roleColumns,
  RoleBinding: bindingColumns,
  ClusterRoleBinding: bindingColumns,
  JoinToken: joinTokenColumns,
  NodeIdentity: nodeIdentityColumns,
  User: userColumns,
}

export function columnsOf(kind: Kind, view: TableView): Column<AnyObject>[] {
  const own: Column<KubernetesObject>[] = (columnsByKind[kind.kind] as Column<KubernetesObject>[]) ?? [
    nameColumn(),
    ageColumn(),
  ]
  const shown: Column<KubernetesObject>[] = own.filter(column => view.wide || !column.wide)
  const named = view.withKind
    ? shown.map(column => (column.isName ? kindNameColumn(kind, column.title) : column))
    : shown
  return [
    ...(view.withNamespace && kind.namespaced ? [namespaceColumn] : []),
    ...named,
    ...(view.showLabels ? [labelsColumn] : []),
  ]
}

export function titlesOf(columns: Column<AnyObject>[]): string[] {
  return columns.map(column => column.title)
}

/** An object that lacks what its kind promises (written by another version) must not end the table. */
export function cellsOf(columns: Column<AnyObject>[], object: AnyObject, context: CellContext): string[] {
  return columns.map(column => {
    try {
      return column.cell(object, context)
    } catch {
      // A cell is only a view: the object itself is shown by -o yaml.
      return '<invalid>'
    }
  })
}

/** `deployment.apps`: as `delete` and `api-resources` print it. */
export function resourceWord(kind: Kind): string {
  return kind.group === '' ? kind.singular : `${kind.singular}.${kind.group}`
}

/** `deployment.apps/web`: what `apply` and `-o name` print too. */
export function kindSlashName(kind: Kind, name: string): string {
  return `${resourceWord(kind)}/${name}`
}

function kindNameColumn(kind: Kind, title: string): Column<KubernetesObject> {
  return { title, cell: object => kindSlashName(kind, object.metadata.name) }
}

const namespaceColumn: Column<KubernetesObject> = {
  title: 'NAMESPACE',
  cell: object => object.metadata.namespace ?? '',
}

const labelsColumn: Column<KubernetesObject> = { title: 'LABELS', cell: object => formatLabels(object.metadata.labels) }
