/** What Kubernetes fills in where a manifest says nothing (`pkg/apis/*\/v1/defaults.go`), per kind. */
import { defaultPod, defaultPodSpec } from './defaults-pod.ts'
import { defaultSecret } from './defaults-secret.ts'
import { defaultService } from './defaults-service.ts'
import { changeField, changeItems, type Fields, fill } from './fields.ts'
import type { KubernetesObject } from './meta.ts'
import { rbacGroup } from './rbac.ts'

const defaultsOf: Record<string, (object: Fields) => Fields> = {
  Pod: defaultPod,
  ReplicaSet: object => changeField(object, 'spec', spec => defaultTemplate(fill(spec, { replicas: 1 }))),
  Deployment: object => changeField(object, 'spec', spec => defaultTemplate(defaultDeploymentSpec(spec))),
  Service: defaultService,
  Secret: defaultSecret,
  RoleBinding: defaultBinding,
  ClusterRoleBinding: defaultBinding,
  Namespace: object => changeField(object, 'metadata', labelWithName),
  Node: object => changeField({ spec: {}, ...object }, 'status', defaultNodeStatus),
  EndpointSlice: object => changeItems(object, 'ports', port => ({ name: '', ...fill(port, { protocol: 'TCP' }) })),
}

/** A copy with all defaults; applying them again changes nothing. The object must have the shape of its kind. */
export function applyDefaults<T extends KubernetesObject>(object: T): T {
  const change = Object.hasOwn(defaultsOf, object.kind) ? defaultsOf[object.kind] : undefined
  const copy = structuredClone(object)
  return change === undefined ? copy : (change(copy as unknown as Fields) as unknown as T)
}

function defaultTemplate(spec: Fields): Fields {
  return changeField(spec, 'template', template => changeField(template, 'spec', defaultPodSpec))
}

function defaultDeploymentSpec(given: Fields): Fields {
  const spec = fill(given, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: {} })
  return changeField(spec, 'strategy', empty => {
    const strategy = fill(empty, { type: 'RollingUpdate' })
    if (strategy['type'] !== 'RollingUpdate') return strategy
    const withUpdate = fill(strategy, { rollingUpdate: {} })
    return changeField(withUpdate, 'rollingUpdate', update => fill(update, { maxSurge: '25%', maxUnavailable: '25%' }))
  })
}

/** Service accounts are of the core group, users and groups of none that has objects. */
function defaultBinding(binding: Fields): Fields {
  return changeItems(binding, 'subjects', subject =>
    subject['kind'] === 'ServiceAccount' ? subject : fill(subject, { apiGroup: rbacGroup }),
  )
}

/** By this label other objects select namespaces. */
function labelWithName(metadata: Fields): Fields {
  const label = { 'kubernetes.io/metadata.name': metadata['name'] }
  if (typeof metadata['name'] !== 'string') return metadata
  return changeField({ labels: {}, ...metadata }, 'labels', labels => fill(labels, label))
}

function defaultNodeStatus(status: Fields): Fields {
  return status['capacity'] === undefined ? status : fill(status, { allocatable: status['capacity'] })
}
