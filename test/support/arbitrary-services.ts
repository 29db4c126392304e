/** Random service tables for property tests: small ranges of names, addresses and ports, so that they collide and change. */
import fc from 'fast-check'
import type { EndpointRoute, ServicePortRoute, ServiceRoute } from '../../contract/wire/fleet.ts'

const endpoint: fc.Arbitrary<EndpointRoute> = fc
  .record({
    board: fc.integer({ min: 1, max: 3 }),
    host: fc.integer({ min: 2, max: 6 }),
    port: fc.constantFrom(80, 8080),
  })
  .map(({ board, host, port }) => ({ ip: `10.244.${board}.${host}`, port, node: `board-${board}` }))

const endpoints = fc.uniqueArray(endpoint, { maxLength: 5, selector: to => `${to.ip}:${to.port}` })

/** A service has its own address and, when it has node ports, its own range of them, as the master gives them out. */
function service(index: number): fc.Arbitrary<ServiceRoute> {
  const port = fc.record({
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    offset: fc.integer({ min: 0, max: 2 }),
    open: fc.boolean(),
    endpoints,
  })
  const ports = fc.uniqueArray(port, { maxLength: 3, selector: ({ protocol, offset }) => `${protocol} ${offset}` })
  return fc.record({ ports, sticky: fc.boolean() }).map(wish => ({
    namespace: 'default',
    name: `service-${index}`,
    clusterIP: `10.96.0.${10 + index}`,
    sessionAffinity: wish.sticky ? 'ClientIP' : 'None',
    ports: wish.ports.map(
      (of): ServicePortRoute => ({
        name: `p${of.offset}`,
        protocol: of.protocol,
        port: 80 + of.offset,
        ...(of.open && { nodePort: 30_000 + index * 10 + of.offset }),
        endpoints: of.endpoints,
      }),
    ),
  }))
}

export const arbitraryServices: fc.Arbitrary<ServiceRoute[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 5 })
  .chain(indices => fc.tuple(...indices.map(service)))
