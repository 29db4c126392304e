import test, { type ExecutionContext } from 'ava'
import type { KubernetesObject } from '../../../contract/resources/meta.ts'
import { controllerOf } from '../../../contract/resources/owners.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import { isPodActive } from '../../../contract/resources/pods.ts'
import { namespaceKind, podKind, serviceAccountKind } from '../../../master/controllers/kinds.ts'
import { kindOf } from '../../../master/store/objects.ts'
import { makeDeployment, makeTemplate, Simulation } from '../../support/simulation.ts'

async function startCluster(t: ExecutionContext, replicas = 2): Promise<Simulation> {
  const simulation = new Simulation(11)
  await simulation.start()
  t.teardown(() => simulation.stop())
  for (const name of ['board-1', 'board-2', 'board-3']) await simulation.addBoard(name)
  if (replicas > 0) await simulation.objects.create(makeDeployment('web', replicas))
  await simulation.settle()
  return simulation
}

const configMapKind = kindOf({ apiVersion: 'v1', kind: 'ConfigMap' })

const relabel = (simulation: Simulation, pod: Pod, labels: Record<string, string>) =>
  simulation.objects.update<Pod>({ kind: podKind, namespace: 'default', name: pod.metadata.name }, current => ({
    ...current,
    metadata: { ...current.metadata, labels },
  }))

const owned = (name: string, owners: Array<{ name: string; uid: string }>): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name,
    namespace: 'default',
    ownerReferences: owners.map(owner => ({ apiVersion: 'v1', kind: 'ConfigMap', ...owner })),
  },
})

test('the namespaces of every cluster are there from the start', async t => {
  const simulation = await startCluster(t, 0)
  const names = simulation.cache.list(namespaceKind).map(({ metadata }) => metadata.name)
  t.deepEqual([...names].sort(), ['default', 'kube-system'])
})

test('each namespace has its service account, which comes back, and goes with the namespace', async t => {
  const simulation = await startCluster(t, 0)
  const { objects, cache } = simulation
  const accounts = (): string[] =>
    cache.list(serviceAccountKind).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
  t.deepEqual(accounts().sort(), ['default/default', 'kube-system/default'])
  await objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } })
  await simulation.settle()
  t.true(accounts().includes('x/default'))
  await simulation.delete(cache.get(serviceAccountKind, 'x', 'default')!)
  await simulation.settle()
  t.true(accounts().includes('x/default'))
  await simulation.delete(cache.get(namespaceKind, undefined, 'x')!)
  await simulation.settle()
  t.deepEqual(accounts().sort(), ['default/default', 'kube-system/default'])
  t.is(cache.get(namespaceKind, undefined, 'x'), undefined)
})

test('a pod of another namespace that names a replica set as its owner is no replica of it', async t => {
  const simulation = await startCluster(t, 2)
  const [replica] = simulation.pods()
  await simulation.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } })
  const { name: _name, namespace: _namespace, uid: _uid, resourceVersion: _version, ...metadata } = replica!.metadata
  for (const name of ['a', 'b', 'c'])
    await simulation.objects.create({ ...replica!, metadata: { ...metadata, name, namespace: 'x' } })
  await simulation.settle()
  t.is(simulation.deployment().status?.replicas, 2)
  t.is(simulation.pods().filter(({ metadata: { namespace } }) => namespace === 'default').length, 2)
})

test('a pod whose labels no longer match is let go and replaced', async t => {
  const simulation = await startCluster(t)
  const [pod] = simulation.pods()
  await relabel(simulation, pod!, { app: 'debug' })
  await simulation.settle()
  t.is(simulation.pods().length, 3)
  t.is(controllerOf(simulation.pods().find(each => each.metadata.uid === pod?.metadata.uid)!), undefined)
})

test('a pod that nobody owns and the selector means is taken in, instead of making one more', async t => {
  const simulation = await startCluster(t)
  const [pod] = simulation.pods()
  const { labels } = pod!.metadata
  await relabel(simulation, pod!, { app: 'debug' })
  await simulation.settle()
  await simulation.updateDeployment('web', spec => ({ ...spec, replicas: 3 }))
  await relabel(simulation, pod!, labels!)
  await simulation.settle()
  t.is(simulation.pods().filter(isPodActive).length, 3)
  t.truthy(controllerOf(simulation.pods().find(each => each.metadata.uid === pod?.metadata.uid)!))
})

test('of many pods made at once, every board gets its share and each name is its own', async t => {
  const simulation = await startCluster(t, 60)
  const counts = new Map<string, number>()
  for (const { spec } of simulation.pods()) counts.set(spec.nodeName!, (counts.get(spec.nodeName!) ?? 0) + 1)
  t.deepEqual([...counts.values()], [20, 20, 20])
  t.is(new Set(simulation.pods().map(pod => pod.metadata.name)).size, 60)
})

test('requests are never promised twice, though many pods are placed at a time', async t => {
  const simulation = await startCluster(t, 0)
  const template = makeTemplate('web', 'v1')
  const [container] = template.spec.containers
  const containers = [{ ...container!, resources: { requests: { cpu: '1500m' } } }]
  await simulation.objects.create(makeDeployment('web', 9, { template: { ...template, spec: { containers } } }))
  await simulation.settle()
  // Two of 1.5 CPUs fit on each of three boards with 4.
  t.is(simulation.pods().filter(pod => pod.spec.nodeName !== undefined).length, 6)
  await simulation.updateDeployment('web', spec => ({ ...spec, replicas: 6 }))
  await simulation.settle()
  t.true(simulation.pods().every(pod => pod.spec.nodeName !== undefined))
})

test('an owner takes what it owns with it, all the way down', async t => {
  const simulation = await startCluster(t, 0)
  const root = await simulation.objects.create(owned('root', []))
  const child = await simulation.objects.create(owned('child', [{ name: 'root', uid: root.metadata.uid! }]))
  await simulation.objects.create(owned('grandchild', [{ name: 'child', uid: child.metadata.uid! }]))
  await simulation.settle()
  t.is(simulation.cache.list(configMapKind).length, 3)
  await simulation.delete(root)
  await simulation.settle()
  t.deepEqual(simulation.cache.list(configMapKind), [])
})

test('of two owners the second keeps the object, and the first is forgotten', async t => {
  const simulation = await startCluster(t, 0)
  const a = await simulation.objects.create(owned('a', []))
  const b = await simulation.objects.create(owned('b', []))
  const both = [a, b].map(({ metadata }) => ({ name: metadata.name, uid: metadata.uid! }))
  await simulation.objects.create(owned('child', both))
  await simulation.delete(a)
  await simulation.settle()
  const child = simulation.cache.get(configMapKind, 'default', 'child')
  t.deepEqual(
    child?.metadata.ownerReferences?.map(owner => owner.name),
    ['b'],
  )
})

test('an owner that was deleted while no master ran is noticed at the next start', async t => {
  const simulation = await startCluster(t, 0)
  await simulation.objects.create(owned('child', [{ name: 'root', uid: 'uid-of-nobody' }]))
  await simulation.restart()
  await simulation.settle()
  t.deepEqual(simulation.cache.list(configMapKind), [])
})

test('a namespace goes after everything that is in it', async t => {
  const simulation = await startCluster(t, 0)
  const namespace = await simulation.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
  const { metadata, ...web } = makeDeployment('web', 2)
  await simulation.objects.create({ ...web, metadata: { ...metadata, namespace: 'shop' } })
  await simulation.settle()
  t.is(simulation.cache.list(podKind, 'shop').length, 2)
  simulation.inspect(() => {
    const isGone = simulation.cache.get(namespaceKind, undefined, 'shop') === undefined
    if (isGone) t.is(simulation.cache.list(podKind, 'shop').length, 0)
  })
  await simulation.delete(namespace)
  await simulation.settle()
  t.is(simulation.cache.get(namespaceKind, undefined, 'shop'), undefined)
})

test('an object that waits for a finalizer goes when the last one has gone', async t => {
  const simulation = await startCluster(t, 0)
  const held = owned('held', [])
  const created = await simulation.objects.create({ ...held, metadata: { ...held.metadata, finalizers: ['x/y'] } })
  await simulation.delete(created)
  await simulation.settle()
  t.truthy(simulation.cache.get(configMapKind, 'default', 'held')?.metadata.deletionTimestamp)
  await simulation.objects.update({ kind: configMapKind, namespace: 'default', name: 'held' }, current => ({
    ...current,
    metadata: { ...current.metadata, finalizers: [] },
  }))
  await simulation.settle()
  t.is(simulation.cache.get(configMapKind, 'default', 'held'), undefined)
})

test('old ReplicaSets beyond the history limit go, and the revisions of the others stay', async t => {
  const simulation = await startCluster(t)
  for (const version of ['v2', 'v3', 'v4']) {
    await simulation.updateDeployment('web', spec => ({
      ...spec,
      revisionHistoryLimit: 1,
      template: makeTemplate('web', version),
    }))
    await simulation.settle()
  }
  const revisions = simulation.replicaSets().map(set => set.metadata.annotations?.['deployment.kubernetes.io/revision'])
  t.deepEqual(revisions.sort(), ['3', '4'])
})

test('a name that another template has taken leads to another hash', async t => {
  const simulation = await startCluster(t)
  const [taken] = simulation.replicaSets()
  await simulation.delete(simulation.deployment())
  await simulation.settle()
  const { name, labels = {} } = taken!.metadata
  const stranger = {
    ...taken!,
    metadata: { name, namespace: 'default', labels },
    spec: { ...taken!.spec, replicas: 0 },
  }
  await simulation.objects.create(stranger)
  await simulation.objects.create(makeDeployment('web', 2))
  await simulation.settle()
  t.is(simulation.deployment().status?.collisionCount, 1)
  t.is(simulation.deployment().status?.availableReplicas, 2)
})
