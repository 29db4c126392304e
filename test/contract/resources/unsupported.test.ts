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
      { name: 'C', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ],
    envFrom: [{ prefix: 'P_', configMapRef: { name: 'x' } }],
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
  }
  t.deepEqual(warnings(pod(spec)), [])
})

test('what is not acted on is told with its path', t => {
  t.deepEqual(inContainer({ livenessProbe: { exec: { command: ['x'] } } }), [`livenessProbe: ${kept}`])
  t.deepEqual(inContainer({ securityContext: { privileged: true } }), [`securityContext: ${kept}`])
  t.deepEqual(inContainer({ ports: [{ containerPort: 80, hostPort: 80 }] }), [`ports[0].hostPort: ${kept}`])
  t.deepEqual(inContainer({ envFrom: [{ secretRef: { name: 'x' } }] }), [`envFrom[0].secretRef: ${kept}`])
  const requests = { 'ephemeral-storage': '1Gi' }
  t.deepEqual(inContainer({ resources: { requests } }), [`resources.requests.ephemeral-storage: ${kept}`])
  const secret = { name: 'A', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } }
  t.deepEqual(inContainer({ env: [secret] }), [`env[0].valueFrom.secretKeyRef: ${kept}`])
})

test('a field of a template has the path of the template', t => {
  const object = deployment({ template: template({ volumes: [{ name: 'a' }], dnsPolicy: 'Default' }) })
  t.deepEqual(warnings(object), [`spec.template.spec.volumes: ${kept}`, `spec.template.spec.dnsPolicy: ${kept}`])
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
