import test from 'ava'
import { applyDefaults } from '../../../contract/resources/defaults.ts'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { Container } from '../../../contract/resources/pod.ts'
import { warningsFor } from '../../../contract/resources/unsupported.ts'
import { configMap, container, deployment, node, pod, service, template } from './objects.ts'

const kept = 'kept, but Flotilla does not act on it yet'
const warnings = (object: AnyObject): string[] => warningsFor(applyDefaults(object))
const inContainer = (fields: Partial<Container>): string[] =>
  warnings(pod({ containers: [container(fields)] })).map(text => text.replace('spec.containers[0].', ''))

test('what Kubernetes fills in by itself is no reason to warn', t => {
  const objects = [
    pod(),
    pod({ hostNetwork: true, containers: [container({ ports: [{ containerPort: 80 }] })] }),
    deployment(),
    service(),
    service({ type: 'NodePort' }),
    configMap({ data: { a: 'b' } }),
    node(),
  ]
  for (const object of objects) t.deepEqual(warnings(object), [])
})

test('all that is acted on goes without a warning', t => {
  const everything = container({
    command: ['a'],
    args: ['b'],
    workingDir: '/',
    imagePullPolicy: 'Never',
    env: [
      { name: 'A', value: 'a' },
      { name: 'B', valueFrom: { configMapKeyRef: { name: 'x', key: 'y' } } },
      { name: 'D', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } },
      { name: 'C', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ],
    envFrom: [{ prefix: 'P_', configMapRef: { name: 'x' } }, { secretRef: { name: 'x' } }],
    volumeMounts: [{ name: 'secret', mountPath: '/a', readOnly: true, subPath: 'b' }],
    securityContext: {
      ...{ runAsUser: 1, runAsGroup: 1, runAsNonRoot: true, privileged: true, readOnlyRootFilesystem: true },
      allowPrivilegeEscalation: true,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      seccompProfile: { type: 'Unconfined' as const },
    },
    ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }],
    resources: { limits: { cpu: '1', memory: '1Gi' } },
    stdin: true,
    stdinOnce: true,
    tty: true,
  })
  const spec = {
    containers: [everything],
    nodeName: 'board-1',
    nodeSelector: { a: 'b' },
    restartPolicy: 'Never' as const,
    tolerations: [{ operator: 'Exists' as const }],
    hostname: 'web',
    serviceAccountName: 'robot',
    automountServiceAccountToken: true,
    imagePullSecrets: [{ name: 'registry' }],
    securityContext: { fsGroup: 1, supplementalGroups: [2], fsGroupChangePolicy: 'OnRootMismatch' },
    volumes: [
      { name: 'secret', secret: { secretName: 'a', items: [{ key: 'b', path: 'b', mode: 256 }], optional: true } },
      { name: 'config', configMap: { name: 'a', defaultMode: 256 } },
      { name: 'pod', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      { name: 'all', projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'x' } }] } },
      { name: 'empty', emptyDir: {} },
    ],
  }
  t.deepEqual(warnings(pod(spec)), [])
})

test('what is not acted on is told with its path', t => {
  t.deepEqual(inContainer({ livenessProbe: { exec: { command: ['x'] } } }), [`livenessProbe: ${kept}`])
  t.deepEqual(inContainer({ securityContext: { procMount: 'Unmasked' } }), [`securityContext.procMount: ${kept}`])
  t.deepEqual(inContainer({ ports: [{ containerPort: 80, hostPort: 80 }] }), [`ports[0].hostPort: ${kept}`])
  const requests = { 'ephemeral-storage': '1Gi' }
  t.deepEqual(inContainer({ resources: { requests } }), [`resources.requests.ephemeral-storage: ${kept}`])
  const limit = { name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }
  t.deepEqual(inContainer({ env: [limit] }), [`env[0].valueFrom.resourceFieldRef: ${kept}`])
  const volumeMounts = [{ name: 'x', mountPath: '/x', mountPropagation: 'Bidirectional' }]
  t.deepEqual(inContainer({ volumeMounts }), [`volumeMounts[0].mountPropagation: ${kept}`])
})

test('volumes that are no files of the cluster are told, and so is what of the others is not acted on', t => {
  const volumes = [
    { name: 'a', hostPath: { path: '/etc' } },
    { name: 'b', emptyDir: { medium: 'Memory' } },
    { name: 'c', downwardAPI: { items: [{ path: 'cpu', resourceFieldRef: { resource: 'limits.cpu' } }] } },
    { name: 'd', projected: { sources: [{ clusterTrustBundle: { path: 'ca' } }] } },
  ]
  t.deepEqual(warnings(pod({ volumes })), [
    `spec.volumes[0].hostPath: ${kept}`,
    `spec.volumes[1].emptyDir.medium: ${kept}`,
    `spec.volumes[2].downwardAPI.items[0].resourceFieldRef: ${kept}`,
    `spec.volumes[3].projected.sources[0].clusterTrustBundle: ${kept}`,
  ])
})

test('a field of a template has the path of the template', t => {
  const object = deployment({ template: template({ shareProcessNamespace: true, dnsPolicy: 'Default' }) })
  t.deepEqual(warnings(object), [
    `spec.template.spec.shareProcessNamespace: ${kept}`,
    `spec.template.spec.dnsPolicy: ${kept}`,
  ])
})

test('a switch that is off and an empty list ask for nothing', t => {
  t.deepEqual(warnings(pod({ hostPID: false, volumes: [], affinity: {}, automountServiceAccountToken: false })), [])
})

test('the types of Service say what becomes of them', t => {
  t.deepEqual(warnings(service({ type: 'LoadBalancer' })), [
    'spec.type: LoadBalancer acts as NodePort: Flotilla has no load balancer yet',
  ])
  t.deepEqual(warnings(service({ type: 'ExternalName', externalName: 'example.com' })), [
    `spec.type: ${kept}`,
    `spec.externalName: ${kept}`,
  ])
  t.deepEqual(warnings(service({ sessionAffinity: 'ClientIP' })), [])
  const sessionAffinityConfig = { clientIP: { timeoutSeconds: 60 } }
  const inAMinute = service({ sessionAffinity: 'ClientIP', sessionAffinityConfig })
  t.deepEqual(warnings(inAMinute), [`spec.sessionAffinityConfig: ${kept}`])
  t.deepEqual(warnings(service({ type: 'NodePort', externalTrafficPolicy: 'Local' })), [
    `spec.externalTrafficPolicy: ${kept}`,
  ])
})
