/** What every ServiceProxy and every PodNetwork keeps to, the fakes included. */
import test from 'ava'
import { FakePodNetwork, FakeServiceProxy } from '../../../agent/network/fake-network.ts'
import type { ServiceProxy } from '../../../agent/network/network.ts'
import { createNftProxy } from '../../../agent/network/nft-proxy.ts'
import type { ServiceRoute } from '../../../contract/wire/fleet.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { NftModel } from '../../support/nft-model.ts'

const network = { podCIDR: '10.244.1.0/24', clusterCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/16' }

function web(endpoints: string[]): ServiceRoute {
  const to = endpoints.map(ip => ({ ip, port: 80, node: 'b' }))
  const ports = [{ name: '', protocol: 'TCP' as const, port: 80, endpoints: to }]
  return { namespace: 'default', name: 'web', clusterIP: '10.96.0.10', sessionAffinity: 'None', ports }
}

const proxies: Record<string, () => ServiceProxy> = {
  'the fake proxy': () => new FakeServiceProxy(),
  'the nft proxy': () => createNftProxy({ clock: new FakeClock(), log: silentLog, run: new NftModel().run }),
}

for (const [name, create] of Object.entries(proxies)) {
  test(`${name} knows nothing at first, and then only what changed`, async t => {
    const proxy = create()
    t.true((await proxy.apply([web(['10.244.1.2'])], network)).whole)
    t.deepEqual(await proxy.apply([web(['10.244.1.2'])]), { added: 0, removed: 0, whole: false })
    const more = await proxy.apply([web(['10.244.1.2', '10.244.2.2'])])
    t.true(more.added > 0 && !more.whole)
    const none = await proxy.apply([])
    t.true(none.removed > 0 && none.added === 0 && !none.whole)
  })

  test(`${name} starts anew after a doubt and after being cleared, which may be done twice`, async t => {
    const proxy = create()
    await proxy.apply([web(['10.244.1.2'])], network)
    proxy.invalidate()
    t.true((await proxy.apply([web(['10.244.1.2'])])).whole)
    await proxy.clear()
    await proxy.clear()
    t.true((await proxy.apply([web(['10.244.1.2'])])).whole)
  })
}

test('the fakes keep the wish as it was, and fail when told to', async t => {
  const podNetwork = new FakePodNetwork()
  const wish = { ...network, nodeName: 'a', nodes: [{ name: 'a', address: '10.0.0.1', podCIDR: '10.244.1.0/24' }] }
  await podNetwork.apply(wish)
  wish.nodes.length = 0
  t.is(podNetwork.wish?.nodes.length, 1)
  podNetwork.failure = new Error('no')
  await t.throwsAsync(podNetwork.apply(wish), { message: 'no' })
  const proxy = new FakeServiceProxy()
  proxy.failure = new Error('no')
  await t.throwsAsync(proxy.apply([]), { message: 'no' })
  t.is(proxy.applied, 0)
})
