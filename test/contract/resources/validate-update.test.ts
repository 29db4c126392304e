import test from 'ava'
import { applyDefaults } from '../../../contract/resources/defaults.ts'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import type { PodSpec } from '../../../contract/resources/pod.ts'
import { validateUpdate } from '../../../contract/resources/validate-update.ts'
import { configMap, container, deployment, node, pod, service } from './objects.ts'

const paths = (next: AnyObject, previous: AnyObject): string[] =>
  validateUpdate(applyDefaults(next), applyDefaults(previous)).map(({ path }) => path)
const changedPod = (spec: Partial<PodSpec>): string[] => paths(pod(spec), pod({ hostname: 'a' }))

test('an object that stays the same may', t => {
  for (const object of [
    pod(),
    deployment(),
    service({ clusterIP: '10.96.0.1' }),
    configMap({ immutable: true }),
    node(),
  ])
    t.deepEqual(paths(object, object), [])
})

test('an object stays who it is', t => {
  const before = {
    ...pod(),
    metadata: { name: 'a', namespace: 'b', uid: 'c', creationTimestamp: '2026-01-01T00:00:00Z' },
  }
  const after = {
    ...pod(),
    metadata: { name: 'x', namespace: 'x', uid: 'x', creationTimestamp: '2026-01-02T00:00:00Z' },
  }
  t.deepEqual(paths(after, before), [
    'metadata.name',
    'metadata.namespace',
    'metadata.uid',
    'metadata.creationTimestamp',
  ])
  t.deepEqual(paths(service(), deployment()), ['kind'])
})

test('what the server gave out may be left out', t => {
  const before = { ...service({ clusterIP: '10.96.0.1' }), metadata: { name: 'web', namespace: 'default', uid: 'c' } }
  t.deepEqual(paths(service(), before), [])
  t.deepEqual(paths(node(), node({ podCIDR: '10.244.1.0/24' })), [])
})

test('a Deployment may change all but its selector', t => {
  t.deepEqual(paths(deployment({ replicas: 9, strategy: { type: 'Recreate' } }), deployment()), [])
  t.deepEqual(paths(deployment({ selector: { matchLabels: { app: 'x' } } }), deployment()), ['spec.selector'])
})

test('a Service keeps its address, unless it becomes or was an ExternalName', t => {
  const before = service({ clusterIP: '10.96.0.1' })
  t.deepEqual(paths(service({ clusterIP: '10.96.0.2' }), before), ['spec.clusterIP'])
  t.deepEqual(paths(service({ clusterIP: '10.96.0.1', type: 'NodePort', selector: {} }), before), [])
  t.deepEqual(paths(service({ type: 'ExternalName', externalName: 'a.b' }), before), [])
})

test('an immutable ConfigMap keeps what it holds', t => {
  const before = configMap({ immutable: true, data: { a: 'b' } })
  t.deepEqual(paths(configMap({ data: { a: 'c' } }), before), ['immutable', 'data'])
  t.deepEqual(paths(configMap({ immutable: true, data: { a: 'c' } }), configMap({ data: { a: 'b' } })), [])
})

test('a Node keeps the network that it was given', t => {
  t.deepEqual(paths(node({ podCIDR: '10.244.2.0/24' }), node({ podCIDR: '10.244.1.0/24' })), ['spec.podCIDR'])
  t.deepEqual(paths(node({ podCIDR: '10.244.1.0/24', unschedulable: true }), node()), [])
})

test('a pod may get other images, more tolerations and less time', t => {
  const same: Partial<PodSpec> = { hostname: 'a' }
  t.deepEqual(changedPod({ ...same, containers: [container({ image: 'nginx' })] }), [])
  t.deepEqual(changedPod({ ...same, tolerations: [{ operator: 'Exists' }] }), [])
  t.deepEqual(changedPod({ ...same, activeDeadlineSeconds: 5 }), [])
  t.deepEqual(changedPod({ ...same, terminationGracePeriodSeconds: 5 }), [])
})

test('a pod may change nothing else', t => {
  t.deepEqual(changedPod({}), ['spec.hostname'])
  t.deepEqual(changedPod({ hostname: 'a', nodeName: 'board-1' }), ['spec.nodeName'])
  t.deepEqual(changedPod({ hostname: 'a', containers: [container({ args: ['x'] })] }), ['spec.containers'])
  t.deepEqual(changedPod({ hostname: 'a', containers: [container(), container({ name: 'b' })] }), ['spec.containers'])
})

test('a toleration cannot be taken back, nor a deadline put off', t => {
  const before = pod({ tolerations: [{ key: 'a', operator: 'Exists' }], activeDeadlineSeconds: 5 })
  t.deepEqual(paths(pod({ activeDeadlineSeconds: 6 }), before), ['spec.activeDeadlineSeconds', 'spec.tolerations[0]'])
  t.deepEqual(paths(pod({}), pod({ activeDeadlineSeconds: 5 })), ['spec.activeDeadlineSeconds'])
})
