import test from 'ava'
import { mergeThreeWays } from '../../../master/api/three-way-merge.ts'

const container = (name: string, more: object = {}): object => ({ name, image: `${name}:1`, ...more })
const pod = (...containers: object[]): object => ({ spec: { containers } })

test('a field that the manifest says is set, and one that others have set stays', t => {
  const merged = mergeThreeWays<object>({
    last: { spec: { paused: true } },
    live: { spec: { paused: true, replicas: 7 } },
    wanted: { spec: { paused: false } },
  })
  t.deepEqual(merged, { spec: { paused: false, replicas: 7 } })
})

test('a field that was in the last manifest and is gone from this one is removed', t => {
  const merged = mergeThreeWays<object>({
    last: { metadata: { labels: { a: '1', b: '2' } } },
    live: { metadata: { labels: { a: '1', b: '2', other: '3' } } },
    wanted: { metadata: { labels: { a: '1' } } },
  })
  t.deepEqual(merged, { metadata: { labels: { a: '1', other: '3' } } })
})

test('null in the manifest removes a field', t => {
  const merged = mergeThreeWays<object>({
    last: undefined,
    live: { spec: { a: 1, b: 2 } },
    wanted: { spec: { a: null } },
  })
  t.deepEqual(merged, { spec: { b: 2 } })
})

test('containers are merged by name: one changes, one that was injected stays, one that was removed goes', t => {
  const merged = mergeThreeWays<object>({
    last: pod(container('web'), container('old')),
    live: pod(
      container('web', { terminationMessagePath: '/dev/termination-log' }),
      container('old'),
      container('mesh'),
    ),
    wanted: pod(container('web', { image: 'web:2' })),
  })
  t.deepEqual(
    merged,
    pod({ terminationMessagePath: '/dev/termination-log', name: 'web', image: 'web:2' }, container('mesh')),
  )
})

test('environment variables are merged by name, in the order of the manifest', t => {
  const env = (...names: string[]): object => pod(container('web', { env: names.map(name => ({ name, value: '1' })) }))
  t.deepEqual(
    mergeThreeWays<object>({ last: env('A', 'B'), live: env('A', 'X', 'B'), wanted: env('A', 'C', 'B') }),
    env('A', 'X', 'C', 'B'),
  )
  t.deepEqual(
    mergeThreeWays<object>({ last: env('A', 'B'), live: env('A', 'B', 'X'), wanted: env('B', 'A') }),
    env('B', 'X', 'A'),
  )
})

test('ports of one number are told apart by protocol', t => {
  const dns = {
    spec: {
      ports: [
        { port: 53, protocol: 'TCP' },
        { port: 53, protocol: 'UDP' },
      ],
    },
  }
  const live = {
    spec: {
      ports: [
        { port: 53, protocol: 'TCP', nodePort: 30001 },
        { port: 53, protocol: 'UDP', nodePort: 30002 },
      ],
    },
  }
  t.deepEqual(mergeThreeWays<object>({ last: dns, live, wanted: dns }), live)
})

test('a port without a protocol is the TCP port', t => {
  const wanted = { spec: { ports: [{ port: 80, name: 'http' }] } }
  const live = { spec: { ports: [{ port: 80, protocol: 'TCP', nodePort: 30001 }] } }
  t.deepEqual(mergeThreeWays<object>({ last: undefined, live, wanted }), {
    spec: { ports: [{ port: 80, protocol: 'TCP', nodePort: 30001, name: 'http' }] },
  })
})

test('volume mounts are merged by path, volumes by name', t => {
  const spec = (mounts: object[], volumes: object[]): object => ({
    spec: { containers: [{ name: 'web', volumeMounts: mounts }], volumes },
  })
  const merged = mergeThreeWays<object>({
    last: spec([], []),
    live: spec([{ mountPath: '/token', name: 'token' }], [{ name: 'token', projected: {} }]),
    wanted: spec([{ mountPath: '/data', name: 'data' }], [{ name: 'data', emptyDir: {} }]),
  })
  t.deepEqual(
    merged,
    spec(
      [
        { mountPath: '/token', name: 'token' },
        { mountPath: '/data', name: 'data' },
      ],
      [
        { name: 'token', projected: {} },
        { name: 'data', emptyDir: {} },
      ],
    ),
  )
})

test('a volume that changes its kind loses the old one', t => {
  const volume = (source: object): object => ({ spec: { volumes: [{ name: 'data', ...source }] } })
  t.deepEqual(
    mergeThreeWays<object>({
      last: undefined,
      live: volume({ emptyDir: {} }),
      wanted: volume({ hostPath: { path: '/d' } }),
    }),
    volume({ hostPath: { path: '/d' } }),
  )
})

test('a deployment that turns to Recreate loses the defaults of RollingUpdate', t => {
  const merged = mergeThreeWays<object>({
    last: { spec: {} },
    live: { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } } } },
    wanted: { spec: { strategy: { type: 'Recreate' } } },
  })
  t.deepEqual(merged, { spec: { strategy: { type: 'Recreate' } } })
})

test('tolerations and arguments are replaced whole', t => {
  const spec = (tolerations: object[], args: string[]): object => ({
    spec: { tolerations, containers: [{ name: 'web', args }] },
  })
  const wanted = spec([{ key: 'b' }], ['-v'])
  t.deepEqual(mergeThreeWays<object>({ last: undefined, live: spec([{ key: 'a' }], ['-a', '-b']), wanted }), wanted)
})

test('finalizers are a set to which others add', t => {
  const meta = (...finalizers: string[]): object => ({ metadata: { finalizers } })
  t.deepEqual(
    mergeThreeWays<object>({ last: meta('a', 'b'), live: meta('x', 'a', 'b'), wanted: meta('a', 'c') }),
    meta('x', 'a', 'c'),
  )
})

test('merging what was just merged changes nothing', t => {
  const wanted = pod(container('web', { env: [{ name: 'A' }] }), container('log'))
  const live = pod(container('mesh'), container('web', { env: [{ name: 'X' }] }))
  const once = mergeThreeWays<object>({ last: undefined, live, wanted })
  t.deepEqual(mergeThreeWays<object>({ last: wanted, live: once, wanted }), once)
})

test('its arguments are not changed', t => {
  const sides = { last: pod(container('a')), live: pod(container('a'), container('b')), wanted: pod(container('c')) }
  const before = structuredClone(sides)
  mergeThreeWays<object>(sides)
  t.deepEqual(sides, before)
})

test('a key that every object inherits is only there when somebody wrote it', t => {
  const live = { data: { constructor: 'foreign', a: '1' } }
  t.deepEqual(mergeThreeWays<object>({ last: { data: {} }, live, wanted: { data: { a: '2' } } }), {
    data: { constructor: 'foreign', a: '2' },
  })
  const wanted = JSON.parse('{"spec":{"__proto__":{"revoked":true}}}')
  const merged = mergeThreeWays<{ spec: { revoked?: boolean } }>({ last: undefined, live: { spec: {} }, wanted })
  t.is(merged.spec.revoked, undefined)
})
