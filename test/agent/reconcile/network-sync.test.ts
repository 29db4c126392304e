import test, { type ExecutionContext } from 'ava'
import { FakePodNetwork, FakeServiceProxy } from '../../../agent/network/fake-network.ts'
import { NetworkSync } from '../../../agent/reconcile/network-sync.ts'
import type { NodeWish, ServiceRoute } from '../../../contract/wire/fleet.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { second } from './fixtures.ts'

const node: NodeWish = {
  ...{ name: 'board-1', podCIDR: '10.244.1.0/24', clusterCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/12' },
  profile: 'lan',
}
const route = { name: 'board-2', address: '192.168.0.2', podCIDR: '10.244.2.0/24' }
const service: ServiceRoute = { namespace: 'default', name: 'web', sessionAffinity: 'None', ports: [] }

function setScene(t: ExecutionContext) {
  const [clock, podNetwork, serviceProxy] = [new FakeClock(), new FakePodNetwork(), new FakeServiceProxy()]
  const told = { ready: 0 }
  const sync = new NetworkSync({
    ...{ podNetwork, serviceProxy, clock, log: silentLog },
    onReady: () => void told.ready++,
  })
  sync.start()
  t.teardown(() => sync.stop())
  return { clock, podNetwork, serviceProxy, sync, told }
}

test('without a share of the pod network nothing is touched', async t => {
  const { clock, podNetwork, serviceProxy, sync, told } = setScene(t)
  sync.setTable({ nodes: [route], services: [service] })
  await clock.advance(60 * second)
  t.deepEqual([podNetwork.applied, serviceProxy.applied, told.ready], [0, 0, 0])
})

test('routes and services follow the newest table at once', async t => {
  const { clock, podNetwork, serviceProxy, sync } = setScene(t)
  sync.setNode(node)
  sync.setTable({ nodes: [route], services: [service] })
  await clock.advance(0)
  t.like(podNetwork.wish, { podCIDR: '10.244.1.0/24', nodeName: 'board-1', nodes: [route] })
  t.deepEqual(serviceProxy.services, [service])
  sync.setTable({ nodes: [], services: [] })
  await clock.advance(0)
  t.deepEqual([podNetwork.wish?.nodes, serviceProxy.services], [[], []])
})

test('that the network is there is told once, and only when it is', async t => {
  const { clock, podNetwork, sync, told } = setScene(t)
  podNetwork.failure = new Error('no such device')
  sync.setNode(node)
  await clock.advance(second)
  t.is(told.ready, 0)
  podNetwork.failure = undefined
  await clock.advance(10 * second)
  t.is(told.ready, 1)
  sync.setNode(node)
  await clock.advance(60 * second)
  t.is(told.ready, 1)
})

test('what failed is tried again, and what stood is looked at again', async t => {
  const { clock, podNetwork, serviceProxy, sync } = setScene(t)
  serviceProxy.failure = new Error('the table is locked')
  sync.setNode(node)
  sync.setTable({ nodes: [route], services: [service] })
  await clock.advance(second)
  t.deepEqual(serviceProxy.services, [])
  serviceProxy.failure = undefined
  await clock.advance(10 * second)
  t.deepEqual(serviceProxy.services, [service])
  const looked = podNetwork.applied
  await clock.advance(60 * second)
  t.true(podNetwork.applied > looked)
})

test('after its end it touches nothing, and what stands goes on standing', async t => {
  const { clock, serviceProxy, sync } = setScene(t)
  sync.setNode(node)
  sync.setTable({ nodes: [route], services: [service] })
  await clock.advance(0)
  await sync.stop()
  sync.setTable({ nodes: [], services: [] })
  await clock.advance(60 * second)
  t.deepEqual(serviceProxy.services, [service])
})
