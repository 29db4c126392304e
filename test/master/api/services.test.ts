import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { addressAt, inRange, parseRange } from '../../../master/api/address-range.ts'
import { openLevelStore } from '../../../master/store/level-store.ts'
import type { Store } from '../../../master/store/store.ts'
import { createHarness, service, target } from './harness.ts'

const addressOf = (object: AnyObject): string => String(object.spec?.['clusterIP'])
const nodePorts = (object: AnyObject): number[] => {
  const ports = object.spec?.['ports'] as Array<{ nodePort?: number }>
  return ports.map(port => port.nodePort ?? 0)
}

test('200 services that are created at once have 200 addresses and node ports', async t => {
  const { create } = await createHarness(t)
  const created = await Promise.all(
    Array.from({ length: 200 }, (_, index) => create(service(`s-${index}`, { type: 'NodePort' }))),
  )
  t.is(new Set(created.map(({ object }) => addressOf(object))).size, 200)
  t.is(new Set(created.flatMap(({ object }) => nodePorts(object))).size, 200)
  t.true(created.every(({ object }) => inRange(parseRange('10.96.0.0/16'), addressOf(object))))
  t.true(created.every(({ object }) => nodePorts(object).every(port => port >= 30_000 && port <= 32_767)))
})

test('a small block is given out to its last address, and then refused', async t => {
  const { create, write } = await createHarness(t, { serviceCIDR: '10.0.0.0/28' })
  const created = await Promise.all(Array.from({ length: 14 }, (_, index) => create(service(`s-${index}`))))
  t.is(new Set(created.map(({ object }) => addressOf(object))).size, 14)
  await t.throwsAsync(create(service('more')), { code: 'ServiceUnavailable', message: /10\.0\.0\.0\/28 is full/ })
  await write({ verb: 'delete', target: target('services', 's-3') })
  t.is(addressOf((await create(service('more'))).object), addressOf(created[3]!.object))
})

test('a refused create gives its address back', async t => {
  const { create } = await createHarness(t, { serviceCIDR: '10.0.0.0/29' })
  await create(service('a'))
  for (let turn = 0; turn < 20; turn++) await t.throwsAsync(create(service('a')), { code: 'AlreadyExists' })
  await t.notThrowsAsync(Promise.all(['b', 'c', 'd', 'e', 'f'].map(name => create(service(name)))))
})

test('an address that is asked for is given if it is free and fits', async t => {
  const { create } = await createHarness(t)
  t.is(addressOf((await create(service('a', { clusterIP: '10.96.0.10' }))).object), '10.96.0.10')
  await t.throwsAsync(create(service('b', { clusterIP: '10.96.0.10' })), {
    code: 'Invalid',
    message: /Service "b" is invalid: spec.clusterIPs: .*already allocated/,
  })
  await t.throwsAsync(create(service('c', { clusterIP: '10.97.0.1' })), {
    code: 'Invalid',
    message: /10\.96\.0\.0\/16/,
  })
  const port = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] }
  await create(service('d', port))
  await t.throwsAsync(create(service('e', port)), { code: 'Invalid', message: /spec.ports\[0\].nodePort.*already/ })
  const low = { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }
  await t.throwsAsync(create(service('f', low)), {
    code: 'Invalid',
    message: /nodePort: must be between 30000 and 32767/,
  })
})

test('a headless service has no address, and an external one neither', async t => {
  const { create } = await createHarness(t)
  t.is(addressOf((await create(service('a', { clusterIP: 'None' }))).object), 'None')
  const external = service('b', { type: 'ExternalName', externalName: 'example.com' })
  delete external.spec?.['ports']
  t.is((await create(external)).object.spec?.['clusterIP'], undefined)
})

test('an address stays for the service’s life, a node port for as long as it is one', async t => {
  const { create, write } = await createHarness(t)
  const { object } = await create(service('a', { type: 'NodePort' }))
  const at = target('services', 'a')
  const patch = (spec: object): Promise<{ object: AnyObject }> =>
    write({ verb: 'patch', target: at, patchType: 'merge', patch: { spec } })
  await t.throwsAsync(patch({ clusterIP: '10.96.9.9' }), {
    code: 'Invalid',
    message: /spec.clusterIP: cannot be changed/,
  })
  const { object: cluster } = await patch({ type: 'ClusterIP' })
  t.is(addressOf(cluster), addressOf(object))
  t.deepEqual(nodePorts(cluster), [0])
  const again = await create(service('b', { type: 'NodePort', ports: [{ port: 1, nodePort: nodePorts(object)[0] }] }))
  t.deepEqual(nodePorts(again.object), nodePorts(object), 'it was given back')
})

test('an update that names no address keeps it', async t => {
  const { create, write } = await createHarness(t)
  const { object } = await create(service('a', { type: 'NodePort' }))
  const wanted = service('a', { type: 'NodePort', ports: [{ port: 80 }, { port: 443, name: 'tls' }] })
  wanted.spec = {
    ...wanted.spec,
    ports: [
      { port: 80, name: 'http' },
      { port: 443, name: 'tls' },
    ],
  }
  const updated = await write({ verb: 'update', target: target('services', 'a'), object: wanted })
  t.is(addressOf(updated.object), addressOf(object))
  t.is(nodePorts(updated.object)[0], nodePorts(object)[0])
  t.true((nodePorts(updated.object)[1] ?? 0) >= 30_000)
})

test('two protocols of one port may share a node port', async t => {
  const { create } = await createHarness(t)
  const ports = [
    { name: 'a', port: 53, protocol: 'UDP', nodePort: 30_053 },
    { name: 'b', port: 53, protocol: 'TCP', nodePort: 30_053 },
  ]
  t.deepEqual(nodePorts((await create(service('dns', { type: 'NodePort', ports }))).object), [30_053, 30_053])
})

test('what was acknowledged is there after a restart, and no address is given out twice', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-api-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const open = (): Promise<Store> => openLevelStore({ directory, clock: systemClock, log: silentLog })
  const store = await open()
  const before = await createHarness(t, { store })
  const names = Array.from({ length: 40 }, (_, index) => `s-${index}`)
  const created = await Promise.all(names.map(name => before.create(service(name, { type: 'NodePort' }))))
  await store.close()
  const after = await createHarness(t, { store: await open() })
  t.deepEqual((await after.names({ resource: 'services' })).sort(), [...names].sort())
  const more = await Promise.all(names.map(name => after.create(service(`more-${name}`, { type: 'NodePort' }))))
  const all = [...created, ...more].map(({ object }) => object)
  t.is(new Set(all.map(addressOf)).size, 80)
  t.is(new Set(all.flatMap(nodePorts)).size, 80)
})

test('blocks of addresses', t => {
  const range = parseRange('10.96.7.9/24')
  t.is(addressAt(range, 1), '10.96.7.1')
  t.is(addressAt(parseRange('10.96.0.0/16'), 256), '10.96.1.0')
  t.false(inRange(range, '10.96.7.0'))
  t.false(inRange(range, '10.96.7.255'))
  t.true(inRange(range, '10.96.7.254'))
  t.false(inRange(range, 'fe80::1'))
  for (const cidr of ['10.0.0.0', '10.0.0.0/33', '10.0.0/8', 'x/8', '10.0.0.0/'])
    t.throws(() => parseRange(cidr), { code: 'Invalid' })
})
