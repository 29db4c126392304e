/** Which UDP flows are ended when services change. */
import test from 'ava'
import { pickStaleFlows } from '../../../agent/network/stale-flows.ts'
import { endUdpFlows, parseFlows, type UdpFlow } from '../../../agent/network/udp-flows.ts'
import type { EndpointRoute, ServiceRoute } from '../../../contract/wire/fleet.ts'

const listed = [
  'udp      17 29 src=10.244.1.3 dst=10.96.0.10 sport=35418 dport=53 src=10.244.1.2 dst=10.244.1.3 sport=5353 dport=35418 mark=0 use=1',
  'udp      17 29 src=10.244.1.4 dst=10.96.0.10 sport=40000 dport=53 src=10.244.1.2 dst=10.244.1.4 sport=5353 dport=40000 mark=0 use=1',
  'udp      17 9 src=10.0.0.9 dst=10.0.0.1 sport=1 dport=30053 [UNREPLIED] src=10.244.2.2 dst=10.0.0.1 sport=5353 dport=9 use=1',
  'conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.',
].join('\n')

const toOld: UdpFlow = { service: '10.96.0.10', servicePort: 53, endpoint: '10.244.1.2', endpointPort: 5353 }
const toNodePort: UdpFlow = { service: '10.0.0.1', servicePort: 30_053, endpoint: '10.244.2.2', endpointPort: 5353 }
const network = { podCIDR: '10.244.1.0/24', clusterCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/16' }

function dns(endpoints: EndpointRoute[]): ServiceRoute {
  const port = { name: 'dns', protocol: 'UDP', port: 53, nodePort: 30_053, endpoints } as const
  return { namespace: 'default', name: 'dns', clusterIP: '10.96.0.10', sessionAffinity: 'None', ports: [port] }
}

const old = { ip: '10.244.1.2', port: 5353, node: 'a' }
const other = { ip: '10.244.2.2', port: 5353, node: 'b' }

test('flows of several clients to one endpoint are one row', t => {
  t.deepEqual(parseFlows(listed), [toOld, toNodePort])
})

test('a flow is stale when its service no longer has its endpoint, by address and by node port', t => {
  const stale = (services: ServiceRoute[]): boolean[] =>
    [toOld, toNodePort].map(pickStaleFlows({ services, network, removed: [] }))
  t.deepEqual(stale([dns([old, other])]), [false, false])
  t.deepEqual(stale([dns([other])]), [true, false])
  t.deepEqual(stale([dns([old])]), [false, true])
})

test('of a service that is gone the flows are known by what was taken out of the table', t => {
  const removed = [{ map: 'node_slot0', key: 'udp . 30053', value: '10.244.2.2 . 5353' }]
  const stale = pickStaleFlows({ services: [], network, removed })
  t.true(stale(toNodePort))
  t.true(stale(toOld), 'its address lies in the range of services')
})

test('flows that others translate are left alone', t => {
  const stale = pickStaleFlows({ services: [dns([other])], network, removed: [] })
  t.false(stale({ ...toNodePort, servicePort: 8053 }))
})

test('one deletion for each pair of service and endpoint', async t => {
  const commands: string[] = []
  const ended = await endUdpFlows(
    async argv => {
      commands.push(argv.join(' '))
      return listed
    },
    flow => flow.service === '10.96.0.10',
  )
  t.is(ended, 1)
  t.deepEqual(commands.slice(1), [
    'conntrack -D -p udp --orig-dst 10.96.0.10 --orig-port-dst 53 --reply-src 10.244.1.2 --reply-port-src 5353',
  ])
})
