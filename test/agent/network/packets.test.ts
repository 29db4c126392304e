/** What becomes of packets under random service tables: the rendered text is walked, not compared. */
import test from 'ava'
import fc from 'fast-check'
import { RuleTable } from '../../../agent/network/plan-rules.ts'
import { renderChange, renderWhole } from '../../../agent/network/render-rules.ts'
import type { ServicePortRoute, ServiceRoute } from '../../../contract/wire/fleet.ts'
import { arbitraryServices } from '../../support/arbitrary-services.ts'
import { NftModel, type Table } from '../../support/nft-model.ts'
import { type Packet, type Trace, tracePacket } from '../../support/packet-tracer.ts'

const network = { podCIDR: '10.244.1.0/24', clusterCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/16' }
const board = '192.168.1.11'
const pod = '10.244.1.5'
const client = '192.168.1.99'

function load(services: ServiceRoute[], { known = true } = {}): Table {
  const given = known ? network : undefined
  const rules = new RuleTable(given)
  const { added } = rules.update(services)
  const model = new NftModel()
  model.apply(renderWhole(rules.structures(), added, given))
  return model.table('flotilla') as Table
}

function trace(table: Table, packet: Packet, draw = 0): Trace {
  return tracePacket(table, packet, { local: [board, '127.0.0.1', '10.244.1.1'], draw: () => draw })
}

const senders: Array<Pick<Packet, 'origin' | 'from'>> = [
  { origin: 'wire', from: pod },
  { origin: 'wire', from: client },
  { origin: 'board', from: board },
]

/** Every way into a port: the service's own address, and the board's when it has a node port. */
function doors(service: ServiceRoute, port: ServicePortRoute): Array<Pick<Packet, 'to' | 'port'>> {
  const nodePort = port.nodePort === undefined ? [] : [{ to: board, port: port.nodePort }]
  return [{ to: service.clusterIP ?? '', port: port.port }, ...nodePort]
}

function everyPacket(services: ServiceRoute[]): Array<{ packet: Packet; port: ServicePortRoute }> {
  return services.flatMap(service =>
    service.ports.flatMap(port =>
      doors(service, port).flatMap(door =>
        senders.map(sender => ({
          packet: { ...sender, ...door, protocol: port.protocol === 'TCP' ? ('tcp' as const) : ('udp' as const) },
          port,
        })),
      ),
    ),
  )
}

test('every draw leads to another endpoint, all endpoints are reached, and nothing else is', t => {
  const property = fc.property(arbitraryServices, services => {
    const table = load(services)
    for (const { packet, port } of everyPacket(services)) {
      const traces = port.endpoints.map((_, draw) => trace(table, packet, draw))
      const reached = traces.map(({ fate, to, port: toPort }) => `${fate} ${to}:${toPort}`)
      const wanted = port.endpoints.map(to => `delivered ${to.ip}:${to.port}`)
      if (JSON.stringify(reached.sort()) !== JSON.stringify(wanted.sort())) return false
    }
    return true
  })
  t.notThrows(() => fc.assert(property))
})

test('a port without endpoints is refused, by every door and for every sender', t => {
  const property = fc.property(arbitraryServices, services => {
    const table = load(services)
    const empty = everyPacket(services).filter(({ port }) => port.endpoints.length === 0)
    return empty.every(({ packet }) => trace(table, packet).fate === 'refused')
  })
  t.notThrows(() => fc.assert(property))
})

test('a packet to anything that is no service goes its way untouched, unless its address is a service’s', t => {
  const table = load([])
  const packet = { origin: 'wire', from: client, protocol: 'tcp', port: 80 } as const
  t.like(trace(table, { ...packet, to: '10.244.1.5' }), { fate: 'delivered', to: '10.244.1.5', masqueraded: false })
  t.like(trace(table, { ...packet, to: board }), { fate: 'delivered', to: board })
  t.like(trace(table, { ...packet, to: '8.8.8.8' }), { fate: 'delivered', to: '8.8.8.8', masqueraded: false })
  t.like(trace(table, { ...packet, to: '10.96.3.4' }), { fate: 'refused' })
})

test('who is masqueraded: who could not be answered otherwise, and nobody else', t => {
  const to = (ip: string): ServiceRoute => ({
    namespace: 'default',
    name: 'web',
    clusterIP: '10.96.0.10',
    sessionAffinity: 'None',
    ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 30_080, endpoints: [{ ip, port: 80, node: '' }] }],
  })
  const masqueraded = (from: string, endpoint: string, origin: Packet['origin'] = 'wire'): boolean[] =>
    [
      { to: '10.96.0.10', port: 80 },
      { to: board, port: 30_080 },
    ].map(door => trace(load([to(endpoint)]), { origin, from, protocol: 'tcp', ...door }).masqueraded)
  t.deepEqual(masqueraded(pod, pod), [true, true], 'a pod that meets itself')
  t.deepEqual(masqueraded(pod, '10.244.1.6'), [false, false], 'two pods of one board')
  t.deepEqual(masqueraded(pod, '10.244.2.6'), [false, false], 'pods of two boards')
  t.deepEqual(masqueraded(client, '10.244.1.6'), [false, false], 'a client and a pod of this board')
  t.deepEqual(masqueraded(client, '10.244.2.6'), [true, true], 'a client and a pod of another board')
  t.deepEqual(masqueraded(client, '192.168.1.12'), [true, true], 'a client and another board itself')
  t.deepEqual(masqueraded(board, '10.244.2.6', 'board'), [false, false], 'the board and a pod elsewhere')
  const outward = trace(load([]), { origin: 'wire', from: pod, to: '8.8.8.8', protocol: 'tcp', port: 443 })
  t.true(outward.masqueraded, 'a pod and the world')
})

test('the mark that we borrow is given back before the packet leaves', t => {
  const property = fc.property(arbitraryServices, services => {
    const table = load(services)
    return everyPacket(services).every(({ packet }) => trace(table, packet).mark === 0)
  })
  t.notThrows(() => fc.assert(property))
})

test('a packet passes as many chains among many services as with one', t => {
  const service = (index: number): ServiceRoute => ({
    namespace: 'default',
    name: `s${index}`,
    clusterIP: `10.96.${index >> 8}.${index & 255}`,
    sessionAffinity: 'None',
    ports: [{ name: '', protocol: 'TCP', port: 80, endpoints: [{ ip: '10.244.2.2', port: 80, node: '' }] }],
  })
  const packet = { ...senders[0], to: '10.96.0.1', port: 80, protocol: 'tcp' } as Packet
  const few = trace(load([service(1)]), packet)
  const many = trace(load(Array.from({ length: 500 }, (_, index) => service(index))), packet)
  t.deepEqual(few, many)
})

test('after any changes the table is what it would be if written whole', t => {
  const property = fc.property(fc.array(arbitraryServices, { minLength: 2, maxLength: 6 }), sequence => {
    const rules = new RuleTable(network)
    const model = new NftModel()
    model.apply(renderWhole(rules.structures(), [], network))
    for (const services of sequence) model.apply(renderChange(rules.update(services)))
    return elements(model.table('flotilla')) === elements(load(sequence.at(-1) ?? []))
  })
  t.notThrows(() => fc.assert(property))
})

test('without a known network services are routed all the same, and nothing is masqueraded or refused', t => {
  const property = fc.property(arbitraryServices, services => {
    const table = load(services, { known: false })
    const traces = everyPacket(services)
      .filter(({ port }) => port.endpoints.length > 0)
      .map(of => trace(table, of.packet))
    return traces.every(({ fate, masqueraded }) => fate === 'delivered' && !masqueraded)
  })
  t.notThrows(() => fc.assert(property))
})

function elements(table: Table | undefined): string {
  const maps = [...(table?.maps ?? [])].map(([name, map]) => [name, [...map].sort()] as const)
  return JSON.stringify(maps.filter(([, map]) => map.length > 0).sort(([a], [b]) => (a < b ? -1 : 1)))
}
