import test from 'ava'
import type { Service } from '../../../contract/resources/service.ts'
import { planEndpoints } from '../../../master/controllers/plan-endpoints.ts'
import { makeService } from '../../support/simulation.ts'
import { makePod } from './fixtures.ts'

const service: Service = makeService('web')
const ready = (name: string, ip: string) => makePod(name, { node: 'a', ip, readySince: '2026-01-01T00:00:00Z' })

test('named ports become numbers, and each pod says whether it may get traffic', t => {
  const pods = [ready('b', '10.0.0.2'), makePod('a', { node: 'a', ip: '10.0.0.1' })]
  const { create } = planEndpoints(service, pods, [])
  t.is(create.length, 1)
  t.deepEqual(create[0]?.ports, [{ name: '', protocol: 'TCP', port: 8080 }])
  t.deepEqual(
    create[0]?.endpoints.map(({ addresses, conditions }) => ({ addresses, ...conditions })),
    [
      { addresses: ['10.0.0.1'], ready: false, serving: false, terminating: false },
      { addresses: ['10.0.0.2'], ready: true, serving: true, terminating: false },
    ],
  )
  t.is(create[0]?.metadata.ownerReferences?.[0]?.name, 'web')
})

test('a pod that ends serves on but is not ready for anything new', t => {
  const pod = makePod('a', { node: 'a', ip: '10.0.0.1', readySince: '2026-01-01T00:00:00Z', deleted: true })
  const [endpoint] = planEndpoints(service, [pod], []).create[0]?.endpoints ?? []
  t.deepEqual(endpoint?.conditions, { ready: false, serving: true, terminating: true })
})

test('publishNotReadyAddresses makes every address ready', t => {
  const eager = { ...service, spec: { ...service.spec, publishNotReadyAddresses: true } }
  const { create } = planEndpoints(eager, [makePod('a', { node: 'a', ip: '10.0.0.1' })], [])
  t.is(create[0]?.endpoints[0]?.conditions?.ready, true)
})

test('pods without an address, and those that have finished, are no endpoints', t => {
  const pods = [makePod('a', { node: 'a' }), makePod('b', { node: 'a', ip: '10.0.0.2', phase: 'Succeeded' })]
  t.deepEqual(planEndpoints(service, pods, []).create[0]?.endpoints, [])
})

test('what is right stays, what has changed is replaced in place', t => {
  const [slice] = planEndpoints(service, [ready('a', '10.0.0.1')], []).create
  const present = { ...slice!, metadata: { ...slice!.metadata, name: 'web-x' } }
  t.deepEqual(planEndpoints(service, [ready('a', '10.0.0.1')], [present]), { create: [], replace: [], remove: [] })
  const { replace, create } = planEndpoints(service, [ready('b', '10.0.0.2')], [present])
  t.deepEqual(
    replace.map(({ metadata, endpoints }) => [metadata.name, endpoints[0]?.addresses]),
    [['web-x', ['10.0.0.2']]],
  )
  t.deepEqual(create, [])
})

test('pods whose port of that name has another number get a slice of their own', t => {
  const other = ready('b', '10.0.0.2')
  const moved = {
    ...other,
    spec: { containers: [{ ...other.spec.containers[0]!, ports: [{ name: 'http', containerPort: 9090 }] }] },
  }
  const { create } = planEndpoints(service, [ready('a', '10.0.0.1'), moved], [])
  t.deepEqual(create.map(({ ports, endpoints }) => [ports?.[0]?.port, endpoints[0]?.addresses[0]]).sort(), [
    [8080, '10.0.0.1'],
    [9090, '10.0.0.2'],
  ])
})

test('a service that loses its selector loses its slices, but not those that people made', t => {
  const [slice] = planEndpoints(service, [], []).create
  const handmade = { ...slice!, metadata: { ...slice!.metadata, name: 'mine', labels: {} } }
  const { selector: _selector, ...spec } = service.spec
  const plan = planEndpoints({ ...service, spec }, [], [slice!, handmade])
  t.deepEqual(plan, { create: [], replace: [], remove: [slice!] })
})
