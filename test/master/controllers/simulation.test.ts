import test, { type ExecutionContext } from 'ava'
import { findCondition } from '../../../contract/resources/conditions.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import { isPodActive, isPodReady } from '../../../contract/resources/pods.ts'
import { rolloutBounds } from '../../../master/controllers/replica-counts.ts'
import { makeDeployment, makeService, makeTemplate, Simulation, startGraceMs } from '../../support/simulation.ts'

async function startCluster(t: ExecutionContext, { seed = 1, boards = 3 } = {}): Promise<Simulation> {
  const simulation = new Simulation(seed)
  await simulation.start()
  t.teardown(() => simulation.stop())
  for (let number = 1; number <= boards; number++) await simulation.addBoard(`board-${number}`)
  return simulation
}

async function startWeb(t: ExecutionContext, replicas = 3): Promise<Simulation> {
  const simulation = await startCluster(t)
  await simulation.objects.create(makeDeployment('web', replicas))
  await simulation.objects.create(makeService('web'))
  await simulation.settle()
  return simulation
}

const progressing = (simulation: Simulation) => findCondition(simulation.deployment().status?.conditions, 'Progressing')
const images = (pods: Pod[]) => new Set(pods.map(pod => pod.spec.containers[0]?.image))
const names = (pods: Pod[]) => pods.map(pod => pod.metadata.name).sort()
const nodesOf = (pods: Pod[]) => pods.map(pod => pod.spec.nodeName).sort()

test('a Deployment becomes ready pods on different boards, and its Service names them', async t => {
  const simulation = await startWeb(t)
  const pods = simulation.pods()
  t.deepEqual(nodesOf(pods), ['board-1', 'board-2', 'board-3'])
  t.true(pods.every(isPodReady))
  t.deepEqual(simulation.endpoints(), names(pods))
  const { status, metadata } = simulation.deployment()
  t.like(status, { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, observedGeneration: 1 })
  t.like(progressing(simulation), { status: 'True', reason: 'NewReplicaSetAvailable' })
  t.is(metadata.annotations?.['deployment.kubernetes.io/revision'], '1')
  t.deepEqual(simulation.complaints, [])
})

test('each board gets a pod network of its own', async t => {
  const simulation = await startCluster(t)
  await simulation.settle()
  const networks = ['board-1', 'board-2', 'board-3'].map(name => simulation.node(name).spec.podCIDR)
  t.deepEqual(networks.sort(), ['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24'])
})

test('a rolling update keeps within maxSurge and maxUnavailable at every revision', async t => {
  const simulation = await startWeb(t, 7)
  const bounds = rolloutBounds(simulation.deployment())
  const seen = { fewest: 99, most: 0 }
  simulation.inspect(() => {
    const active = simulation.pods().filter(isPodActive)
    seen.fewest = Math.min(seen.fewest, active.filter(isPodReady).length)
    seen.most = Math.max(seen.most, active.length)
  })
  await simulation.updateDeployment('web', spec => ({ ...spec, template: makeTemplate('web', 'v2') }))
  await simulation.settle()
  t.true(seen.fewest >= bounds.minAvailable, `only ${seen.fewest} of ${bounds.minAvailable} were available`)
  t.true(seen.most <= bounds.maxTotal, `${seen.most} pods, more than ${bounds.maxTotal}`)
  t.deepEqual(images(simulation.pods()), new Set(['web:v2']))
  t.is(simulation.pods().length, 7)
  t.is(simulation.deployment().metadata.annotations?.['deployment.kubernetes.io/revision'], '2')
  t.deepEqual(simulation.endpoints(), names(simulation.pods()))
})

test('Recreate starts no new pod before the last old one has ended', async t => {
  const simulation = await startWeb(t)
  simulation.inspect(() => t.true(images(simulation.pods()).size <= 1))
  await simulation.updateDeployment('web', spec => ({
    ...spec,
    strategy: { type: 'Recreate' },
    template: makeTemplate('web', 'v2'),
  }))
  await simulation.settle()
  t.deepEqual(images(simulation.pods()), new Set(['web:v2']))
  t.is(simulation.pods().length, 3)
})

test('a new version that never becomes ready is stopped short, and its deadline passes', async t => {
  const simulation = await startWeb(t)
  simulation.boards.brokenImages.add('web:bad')
  await simulation.updateDeployment('web', spec => ({
    ...spec,
    progressDeadlineSeconds: 20,
    template: makeTemplate('web', 'bad'),
  }))
  await simulation.run(30_000)
  t.like(progressing(simulation), { status: 'False', reason: 'ProgressDeadlineExceeded' })
  t.is(simulation.endpoints().length, 3)
  await simulation.updateDeployment('web', spec => ({ ...spec, template: makeTemplate('web', 'v1') }))
  await simulation.settle()
  t.like(progressing(simulation), { status: 'True', reason: 'NewReplicaSetAvailable' })
  t.is(simulation.deployment().metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
})

test('a lost board loses its pods to others without any time passing, and its endpoints at once', async t => {
  const simulation = await startWeb(t)
  const lost = simulation.pods().filter(pod => pod.spec.nodeName === 'board-2')
  simulation.cut('board-2')
  await simulation.drain()
  const { spec, status } = simulation.node('board-2')
  t.is(findCondition(status?.conditions, 'Ready')?.status, 'Unknown')
  t.deepEqual(
    spec.taints?.map(taint => `${taint.key}:${taint.effect}`),
    ['node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute'],
  )
  const active = simulation.pods().filter(isPodActive)
  t.is(active.length, 3)
  t.false(active.some(pod => pod.spec.nodeName === 'board-2' || pod.spec.nodeName === undefined))
  t.is(simulation.endpoints().length, 2)
  await simulation.settle()
  t.deepEqual(simulation.endpoints(), names(active))
  t.true(simulation.eventReasons().includes('TaintManagerEviction'))
  // Whether they still run is not known: they stay until the board says that they are gone.
  t.is(simulation.pods().filter(pod => names(lost).includes(pod.metadata.name)).length, 1)
})

test('pods of a lost board get no traffic even where a Service asks for those that are not ready', async t => {
  const simulation = await startWeb(t)
  const { spec, metadata } = makeService('eager')
  const eager = { ...spec, selector: { app: 'web' }, publishNotReadyAddresses: true }
  await simulation.objects.create({ ...makeService('eager'), metadata, spec: eager })
  await simulation.settle()
  t.is(simulation.endpoints('eager').length, 3)
  const lost = simulation.pods().filter(pod => pod.spec.nodeName === 'board-3')
  simulation.cut('board-3')
  await simulation.settle()
  t.is(simulation.endpoints('eager').length, 3)
  t.false(simulation.endpoints('eager').includes(lost[0]?.metadata.name ?? ''))
})

test('a board that returns gives up the pods that were replaced, and takes new ones', async t => {
  const simulation = await startWeb(t)
  simulation.cut('board-2')
  await simulation.settle()
  await simulation.mend('board-2')
  await simulation.settle()
  t.is(simulation.node('board-2').spec.taints, undefined)
  t.is(simulation.pods().length, 3)
  await simulation.updateDeployment('web', spec => ({ ...spec, replicas: 6 }))
  await simulation.settle()
  t.true(nodesOf(simulation.pods()).includes('board-2'))
  t.true(simulation.eventReasons().includes('NodeReady'))
})

test('a pod that tolerates a lost board for a while stays for that while', async t => {
  const simulation = await startCluster(t)
  const template = makeTemplate('web', 'v1')
  const tolerations = [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists' as const, tolerationSeconds: 30 }]
  await simulation.objects.create(
    makeDeployment('web', 1, { template: { ...template, spec: { ...template.spec, tolerations } } }),
  )
  await simulation.settle()
  const [pod] = simulation.pods()
  simulation.cut(pod?.spec.nodeName ?? '')
  await simulation.run(28_000)
  t.deepEqual(names(simulation.pods().filter(isPodActive)), names([pod!]))
  await simulation.run(4000)
  t.notDeepEqual(names(simulation.pods().filter(isPodActive)), names([pod!]))
})

test('pods of a board whose object is deleted go with it', async t => {
  const simulation = await startWeb(t)
  simulation.cut('board-1')
  await simulation.settle()
  await simulation.delete(simulation.node('board-1'))
  await simulation.settle()
  t.is(simulation.pods().length, 3)
  t.false(nodesOf(simulation.pods()).includes('board-1'))
})

test('a master that restarts in the middle of a rollout goes on with it and replaces nothing needlessly', async t => {
  const simulation = await startWeb(t, 6)
  await simulation.updateDeployment('web', spec => ({ ...spec, template: makeTemplate('web', 'v2') }))
  await simulation.run(300)
  t.is(images(simulation.pods().filter(isPodActive)).size, 2)
  await simulation.restart()
  await simulation.settle()
  t.deepEqual(images(simulation.pods()), new Set(['web:v2']))
  const before = names(simulation.pods())
  await simulation.restart()
  await simulation.settle()
  t.deepEqual(names(simulation.pods()), before)
})

test('a new master gives silent boards a grace before it takes their pods', async t => {
  const simulation = await startWeb(t)
  await simulation.stop()
  const silent = new Simulation(2)
  t.false(silent.boards.isReachable('board-1'))
  for (const object of [...simulation.pods(), ...['board-1', 'board-2', 'board-3'].map(n => simulation.node(n))]) {
    await silent.objects.create(object)
  }
  await silent.start()
  t.teardown(() => silent.stop())
  await silent.run(startGraceMs - 100)
  t.true(silent.pods().every(isPodReady))
  await silent.run(200)
  t.is(findCondition(silent.node('board-1').status?.conditions, 'Ready')?.status, 'Unknown')
})

test('a pod that fits nowhere says why, and is placed as soon as a board can take it', async t => {
  const simulation = await startCluster(t, { boards: 1 })
  const template = makeTemplate('web', 'v1')
  const nodeSelector = { disk: 'ssd' }
  await simulation.objects.create(
    makeDeployment('web', 1, { template: { ...template, spec: { ...template.spec, nodeSelector } } }),
  )
  await simulation.settle()
  t.like(findCondition(simulation.pods()[0]?.status?.conditions, 'PodScheduled'), {
    status: 'False',
    reason: 'Unschedulable',
    message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
  })
  t.true(simulation.eventReasons().includes('FailedScheduling'))
  await simulation.addBoard('board-2', { metadata: { name: 'board-2', labels: nodeSelector } })
  await simulation.settle()
  t.is(simulation.pods()[0]?.spec.nodeName, 'board-2')
  t.is(findCondition(simulation.pods()[0]?.status?.conditions, 'PodScheduled')?.status, 'True')
})

test('deleting a Deployment takes its ReplicaSets and pods with it', async t => {
  const simulation = await startWeb(t)
  await simulation.delete(simulation.deployment())
  await simulation.settle()
  t.deepEqual(simulation.pods(), [])
  t.deepEqual(simulation.replicaSets(), [])
  t.deepEqual(simulation.endpoints(), [])
})
