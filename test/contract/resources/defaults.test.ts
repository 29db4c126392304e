import test from 'ava'
import { applyDefaults } from '../../../contract/resources/defaults.ts'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { Container, PodSpec } from '../../../contract/resources/pod.ts'
import { configMap, container, deployment, node, pod, service, template } from './objects.ts'

const defaultedContainer = {
  name: 'web',
  image: 'nginx:1.27',
  imagePullPolicy: 'IfNotPresent',
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
}
const defaultedSpec = {
  containers: [defaultedContainer],
  dnsPolicy: 'ClusterFirst',
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
}

const specOf = (object: AnyObject): Record<string, unknown> => applyDefaults(object).spec ?? {}
const containerOf = (fields: Partial<Container>, spec: Partial<PodSpec> = {}): Container =>
  applyDefaults(pod({ containers: [container(fields)], ...spec })).spec.containers[0] as Container

test('a pod gets what Kubernetes gives it', t => {
  t.deepEqual(specOf(pod()), { ...defaultedSpec, ...account('default'), enableServiceLinks: true })
})

const account = (name: string) => ({ serviceAccountName: name, serviceAccount: name })

test('a pod is somebody: the default account, or the one that it names by either name of the field', t => {
  t.like(specOf(pod({ serviceAccountName: 'reader' })), account('reader'))
  t.like(specOf(pod({ serviceAccount: 'reader' })), account('reader'))
  t.like(specOf(pod({ serviceAccount: 'old', serviceAccountName: 'new' })), account('new'))
  const inTemplate = (spec: Partial<PodSpec>): unknown =>
    (specOf(deployment({ template: template(spec) }))['template'] as { spec: unknown }).spec
  t.deepEqual(inTemplate({ serviceAccount: 'reader' }), { ...defaultedSpec, ...account('reader') })
  t.deepEqual(inTemplate({}), defaultedSpec)
})

test('a Deployment gets its strategy, and its template less than a pod', t => {
  t.deepEqual(specOf(deployment()), {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    selector: { matchLabels: { app: 'web' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    template: { metadata: { labels: { app: 'web' } }, spec: defaultedSpec },
  })
})

test('half a strategy is completed, and Recreate gets no shares', t => {
  const rolling = specOf(deployment({ strategy: { rollingUpdate: { maxSurge: 2 } } }))
  t.deepEqual(rolling['strategy'], { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: '25%' } })
  t.deepEqual(specOf(deployment({ strategy: { type: 'Recreate' } }))['strategy'], { type: 'Recreate' })
})

test('no replicas are no reason to make one', t => {
  t.is(specOf(deployment({ replicas: 0 }))['replicas'], 0)
})

const policies: Array<[image: string, policy: 'Always' | 'IfNotPresent']> = [
  ['nginx', 'Always'],
  ['nginx:latest', 'Always'],
  ['registry:5000/nginx', 'Always'],
  ['registry:5000/nginx:1.27', 'IfNotPresent'],
  ['nginx:1.27', 'IfNotPresent'],
  ['nginx@sha256:0123', 'IfNotPresent'],
  ['nginx:latest@sha256:0123', 'Always'],
]

for (const [image, policy] of policies)
  test(`${image} is pulled ${policy}`, t => {
    t.is(containerOf({ image }).imagePullPolicy, policy)
    t.is(containerOf({ image, imagePullPolicy: 'Never' }).imagePullPolicy, 'Never')
  })

test("ports speak TCP unless they say otherwise, and are the host's on the host's network", t => {
  const ports = [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' as const }]
  t.deepEqual(containerOf({ ports }).ports, [{ containerPort: 80, protocol: 'TCP' }, ports[1]])
  t.deepEqual(
    containerOf({ ports }, { hostNetwork: true }).ports?.map(({ hostPort }) => hostPort),
    [80, 53],
  )
})

test('what is limited is asked for, in pods and not in templates', t => {
  const limited = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } }
  t.deepEqual(containerOf({ resources: limited }).resources?.requests, { cpu: '500m', memory: '1Gi' })
  t.deepEqual(containerOf({ resources: { limits: { cpu: '1' } } }).resources?.requests, { cpu: '1' })
  t.deepEqual(containerOf({ resources: { requests: { cpu: '1' } } }).resources, { requests: { cpu: '1' } })
  const inTemplate = specOf(deployment({ template: template({ containers: [container({ resources: limited })] }) }))
  t.like(inTemplate, { template: { spec: { containers: [{ resources: limited }] } } })
})

test('probes, hooks and references to fields are completed', t => {
  const completed = containerOf({
    env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    livenessProbe: { httpGet: { port: 80 }, periodSeconds: 3 },
    readinessProbe: { grpc: { port: 9 } },
    lifecycle: { preStop: { httpGet: { port: 80 } } },
  })
  t.deepEqual(completed.env?.[0]?.valueFrom?.fieldRef, { apiVersion: 'v1', fieldPath: 'status.podIP' })
  t.deepEqual(completed['livenessProbe'], {
    httpGet: { path: '/', port: 80, scheme: 'HTTP' },
    failureThreshold: 3,
    periodSeconds: 3,
    successThreshold: 1,
    timeoutSeconds: 1,
  })
  t.like(completed['readinessProbe'], { grpc: { port: 9, service: '' } })
  t.deepEqual(completed['lifecycle'], { preStop: { httpGet: { path: '/', port: 80, scheme: 'HTTP' } } })
})

test('volumes are completed, and one without a source is empty', t => {
  const volumes = [
    { name: 'a' },
    { name: 'b', configMap: { name: 'x' } },
    { name: 'c', secret: { secretName: 'x', defaultMode: 0o400 } },
    { name: 'd', hostPath: { path: '/x' } },
    { name: 'e', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
    { name: 'f', downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } },
  ]
  t.deepEqual(specOf(pod({ volumes }))['volumes'], [
    { name: 'a', emptyDir: {} },
    { name: 'b', configMap: { name: 'x', defaultMode: 0o644 } },
    { name: 'c', secret: { secretName: 'x', defaultMode: 0o400 } },
    { name: 'd', hostPath: { path: '/x', type: '' } },
    {
      name: 'e',
      projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }], defaultMode: 0o644 },
    },
    {
      name: 'f',
      downwardAPI: {
        items: [{ path: 'l', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.labels' } }],
        defaultMode: 0o644,
      },
    },
  ])
})

const families = { internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }

test('a Service gets its type, families and target ports', t => {
  t.deepEqual(specOf(service()), {
    ...families,
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    selector: { app: 'web' },
    sessionAffinity: 'None',
    type: 'ClusterIP',
  })
})

test('what a Service gets depends on its type', t => {
  t.like(specOf(service({ type: 'NodePort' })), { ...families, externalTrafficPolicy: 'Cluster' })
  t.like(specOf(service({ type: 'LoadBalancer' })), {
    externalTrafficPolicy: 'Cluster',
    allocateLoadBalancerNodePorts: true,
  })
  const external = specOf({ ...service(), spec: { type: 'ExternalName', externalName: 'example.com' } })
  t.deepEqual(external, { type: 'ExternalName', externalName: 'example.com', sessionAffinity: 'None' })
  t.deepEqual(specOf(service({ clusterIP: 'None' }))['clusterIPs'], ['None'])
  t.deepEqual(specOf(service({ sessionAffinity: 'ClientIP' }))['sessionAffinityConfig'], {
    clientIP: { timeoutSeconds: 10_800 },
  })
})

test('a named target port, and an empty text, are handled as Kubernetes does', t => {
  const ports = [{ port: 80, targetPort: 'http', protocol: '' }]
  t.deepEqual(specOf(service({ type: '', ports }))['ports'], [{ port: 80, targetPort: 'http', protocol: 'TCP' }])
})

test('a Namespace carries its name as a label', t => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lab', labels: { a: 'b' } } }
  t.deepEqual(applyDefaults(namespace).metadata.labels, { a: 'b', 'kubernetes.io/metadata.name': 'lab' })
})

test('a Node offers all that it has', t => {
  const capacity = { cpu: '4' }
  t.like(applyDefaults({ ...node(), status: { capacity } }), { status: { allocatable: capacity } })
  t.deepEqual(applyDefaults(node()), node())
})

test('defaults leave what they are given alone, and change nothing the second time', t => {
  for (const object of [pod(), deployment(), service({ sessionAffinity: 'ClientIP' }), configMap(), node()]) {
    const before = structuredClone(object)
    const once = applyDefaults(object)
    t.deepEqual(object, before)
    t.deepEqual(applyDefaults(once), once)
    t.not(once, object)
  }
})
