/** What is right for Kubernetes and kept, but not acted on: a warning for each such field of an object. */
import { isDeepStrictEqual } from 'node:util'
import type { Problem } from '../../kit/errors.ts'
import type { Secret } from './core.ts'
import { type Fields, isFields } from './fields.ts'
import type { KubernetesObject } from './meta.ts'
import { at, type Place, report } from './place.ts'

/** Fields that are not named here are not acted on. */
interface Support {
  [field: string]: Acted
}

type Acted =
  /** Whatever it holds. */
  | true
  /** Only when it holds one of these: what Kubernetes fills in by itself. */
  | readonly unknown[]
  | { inside: Support }
  | { each: Support }

const resources: Support = { cpu: true, memory: true }

/** Whatever the kernel's or the engine's own default is not. */
const sharedSecurity: Support = {
  runAsUser: true,
  runAsGroup: true,
  runAsNonRoot: true,
  seccompProfile: true,
  // What containerd does by itself where the kernel has it.
  appArmorProfile: [{ type: 'RuntimeDefault' }],
}
const podSecurity: Support = {
  ...sharedSecurity,
  supplementalGroups: true,
  supplementalGroupsPolicy: ['Merge'],
  fsGroup: true,
  // Of no effect on volumes that are made for their pod (core/v1), and there are no others.
  fsGroupChangePolicy: true,
}
const containerSecurity: Support = {
  ...sharedSecurity,
  allowPrivilegeEscalation: true,
  privileged: true,
  readOnlyRootFilesystem: true,
  capabilities: true,
  procMount: ['Default'],
}

const downwardFiles: Support = { items: { each: { path: true, mode: true, fieldRef: true } }, defaultMode: true }
const volume: Support = {
  name: true,
  secret: true,
  configMap: true,
  downwardAPI: { inside: downwardFiles },
  projected: {
    inside: {
      sources: {
        each: { secret: true, configMap: true, downwardAPI: { inside: downwardFiles }, serviceAccountToken: true },
      },
      defaultMode: true,
    },
  },
  emptyDir: { inside: {} },
}
const volumeMount: Support = {
  name: true,
  mountPath: true,
  readOnly: true,
  subPath: true,
  subPathExpr: true,
  mountPropagation: ['None'],
  recursiveReadOnly: ['Disabled'],
}

const container = (hostNetwork: boolean): Support => ({
  name: true,
  image: true,
  imagePullPolicy: true,
  command: true,
  args: true,
  workingDir: true,
  env: {
    each: {
      name: true,
      value: true,
      valueFrom: { inside: { configMapKeyRef: true, secretKeyRef: true, fieldRef: true } },
    },
  },
  envFrom: { each: { prefix: true, configMapRef: true, secretRef: true } },
  // On the host's network every port is one of the host's anyway.
  ports: { each: { name: true, containerPort: true, protocol: true, hostPort: hostNetwork || [] } },
  resources: { inside: { requests: { inside: resources }, limits: { inside: resources } } },
  stdin: true,
  stdinOnce: true,
  tty: true,
  volumeMounts: { each: volumeMount },
  securityContext: { inside: containerSecurity },
  terminationMessagePath: ['/dev/termination-log'],
  terminationMessagePolicy: ['File'],
})

const podSpec = (spec: unknown): Support => ({
  containers: { each: container(isFields(spec) && spec['hostNetwork'] === true) },
  nodeName: true,
  nodeSelector: true,
  restartPolicy: true,
  terminationGracePeriodSeconds: true,
  tolerations: true,
  hostNetwork: true,
  hostname: true,
  dnsPolicy: ['ClusterFirst'],
  schedulerName: ['default-scheduler'],
  enableServiceLinks: [true],
  serviceAccountName: true,
  // The old name of the same.
  serviceAccount: true,
  automountServiceAccountToken: true,
  imagePullSecrets: true,
  volumes: { each: volume },
  securityContext: { inside: podSecurity },
  priority: [0],
  preemptionPolicy: ['PreemptLowerPriority'],
})

const serviceSpec: Support = {
  type: ['ClusterIP', 'NodePort'],
  selector: true,
  ports: true,
  clusterIP: true,
  clusterIPs: true,
  publishNotReadyAddresses: true,
  sessionAffinity: true,
  // A client stays where its address sends it for as long as the endpoints are the same, not for a time of its own.
  sessionAffinityConfig: [{ clientIP: { timeoutSeconds: 10_800 } }],
  internalTrafficPolicy: ['Cluster'],
  externalTrafficPolicy: ['Cluster'],
  allocateLoadBalancerNodePorts: [true],
  ipFamilies: [['IPv4']],
  ipFamilyPolicy: ['SingleStack'],
}

const workloadSpec = (spec: unknown): Support => ({
  replicas: true,
  minReadySeconds: true,
  paused: true,
  progressDeadlineSeconds: true,
  revisionHistoryLimit: true,
  selector: true,
  strategy: true,
  template: { inside: { metadata: true, spec: { inside: podSpec(templateSpecOf(spec)) } } },
})

const supportOf: Record<string, (spec: unknown) => Support> = {
  Pod: podSpec,
  ReplicaSet: workloadSpec,
  Deployment: workloadSpec,
  Service: () => serviceSpec,
}

/** Of kinds without a spec: the fields of the object itself. */
const supportOfObject: Record<string, Support> = {
  ServiceAccount: {
    ...{ apiVersion: true, kind: true, metadata: true },
    ...{ automountServiceAccountToken: true, imagePullSecrets: true },
  },
}

/** Types of Secrets that Kubernetes fills or acts on by itself. */
const idleSecrets: Record<string, string> = {
  'kubernetes.io/service-account-token':
    'kept, but Flotilla puts no token into it: pods get theirs as files, scripts by "flotilla create token"',
  'bootstrap.kubernetes.io/token': 'kept, but boards join by "flotilla token create"',
}

/** For objects of the right shape, with or without defaults. Empty values and `false` ask for nothing. */
export function warningsFor(object: KubernetesObject): string[] {
  const problems: Problem[] = []
  const { kind, spec }: { kind: string; spec?: unknown } = object
  const support = Object.hasOwn(supportOf, kind) ? supportOf[kind] : undefined
  if (support !== undefined && isFields(spec)) {
    findUnsupported(spec, support(spec), { path: 'spec', problems })
  }
  const ownSupport = Object.hasOwn(supportOfObject, kind) ? supportOfObject[kind] : undefined
  if (ownSupport !== undefined) findUnsupported({ ...object }, ownSupport, { path: '', problems })
  const idle = kind === 'Secret' ? idleSecrets[String((object as Secret).type)] : undefined
  if (idle !== undefined) report({ path: 'type', problems }, idle)
  return problems.map(({ path, message }) => `${path}: ${message}`)
}

function findUnsupported(value: Fields, support: Support, place: Place): void {
  for (const [field, item] of Object.entries(value)) {
    const acted = Object.hasOwn(support, field) ? (support[field] ?? []) : []
    checkField(item, acted, at(place, field))
  }
}

function checkField(value: unknown, acted: Acted, place: Place): void {
  if (acted === true || isNothing(value)) return
  if (isList(acted)) {
    if (!acted.some(known => isDeepStrictEqual(known, value))) report(place, messageFor(place, value))
  } else if ('each' in acted) {
    for (const [index, item] of (Array.isArray(value) ? value : []).entries()) {
      if (isFields(item)) findUnsupported(item, acted.each, at(place, index))
    }
  } else if (isFields(value)) findUnsupported(value, acted.inside, place)
}

function messageFor({ path }: Place, value: unknown): string {
  if (path === 'spec.type' && value === 'LoadBalancer') {
    return 'LoadBalancer acts as NodePort: Flotilla has no load balancer yet'
  }
  return 'kept, but Flotilla does not act on it yet'
}

function isNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  return value === undefined || value === '' || value === false || (isFields(value) && Object.keys(value).length === 0)
}

/** `Array.isArray` does not tell a readonly list from the other shapes. */
function isList(acted: Acted): acted is readonly unknown[] {
  return Array.isArray(acted)
}

function templateSpecOf(spec: unknown): unknown {
  const template = isFields(spec) ? spec['template'] : undefined
  return isFields(template) ? template['spec'] : undefined
}
