import test from 'ava'
import { applyDefaults } from '../../../contract/resources/defaults.ts'
import type { Container, PodSpec } from '../../../contract/resources/pod.ts'
import { validateObject } from '../../../contract/resources/validate.ts'
import { container, pod } from './objects.ts'

const check = (spec: Record<string, unknown>): string[] =>
  validateObject(applyDefaults(pod(spec as Partial<PodSpec>))).map(({ path, message }) => `${path}: ${message}`)
const checkVolume = (source: Record<string, unknown>): string[] =>
  check({ volumes: [{ name: 'v', ...source }] }).map(text => text.replace('spec.volumes[0].', ''))
const checkMount = (mount: Record<string, unknown>): string[] =>
  check({
    volumes: [{ name: 'v', emptyDir: {} }],
    containers: [container({ volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }] } as Partial<Container>)],
  }).map(text => text.replace('spec.containers[0].volumeMounts[0].', ''))

const items = (path: string, more: Record<string, unknown> = {}): { items: unknown[] } => ({
  items: [{ key: 'k', path, ...more }],
})

test('volumes of files in all their forms are right', t => {
  const sources = [
    { secret: { name: 'a', ...items('one') } },
    { configMap: { name: 'a', optional: true, ...items('deep/er/..two') } },
    { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: "metadata.labels['app']" } }] } },
    { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } },
  ]
  t.deepEqual(checkVolume({ projected: { sources, defaultMode: 0o400 } }), [])
  t.deepEqual(checkVolume({ secret: { secretName: 'a', defaultMode: 0 } }), [])
  t.deepEqual(checkVolume({ emptyDir: { sizeLimit: '1Gi' } }), [])
  t.deepEqual(checkMount({ subPath: 'a/b', readOnly: true }), [])
})

for (const path of ['../x', 'a/../b', 'a/..', '/etc/passwd', '..', '..data', '', 'a\0b']) {
  test(`no file of a volume can be called ${JSON.stringify(path)}`, t => {
    for (const source of [
      { secret: { secretName: 'a', ...items(path) } },
      { configMap: { name: 'a', ...items(path) } },
      { downwardAPI: { items: [{ path, fieldRef: { fieldPath: 'metadata.name' } }] } },
      { projected: { sources: [{ secret: { name: 'a', ...items(path) } }] } },
      { projected: { sources: [{ serviceAccountToken: { path } }] } },
    ]) {
      t.is(checkVolume(source).length, 1, JSON.stringify(source))
      t.regex(checkVolume(source)[0] ?? '', /path: /)
    }
  })
}

for (const [what, source, problem] of [
  ['a secret without a name', { secret: {} }, 'secret.secretName: is required'],
  ['a ConfigMap without a name', { configMap: {} }, 'configMap.name: is required'],
  ['a name that leaves its directory', { secret: { secretName: '../a' } }, /^secret\.secretName: .* is not allowed/],
  ['a key that is none', { configMap: { name: 'a', items: [{ key: 'a/b', path: 'x' }] } }, /items\[0\]\.key: /],
  [
    'a mode that is none',
    { secret: { secretName: 'a', defaultMode: 644 } },
    /^secret\.defaultMode: .*0777.*, not 644$/,
  ],
  ['a mode that is setuid', { secret: { secretName: 'a', ...items('b', { mode: 2541 }) } }, /items\[0\]\.mode: /],
  [
    'a token for less than ten minutes',
    { projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 60 } }] } },
    /expirationSeconds: must be between 600 and /,
  ],
  [
    'two sources in one',
    { projected: { sources: [{ secret: { name: 'a' }, configMap: { name: 'a' } }] } },
    /^projected\.sources\[0\]: must name exactly one source/,
  ],
  [
    'two sources that write one file',
    { projected: { sources: [{ secret: { name: 'a', ...items('x') } }, { configMap: { name: 'a', ...items('x') } }] } },
    /^projected\.sources\[1\]\.configMap\.items\[0\]\.path: repeats /,
  ],
  [
    'a field that is known only when the pod runs',
    { downwardAPI: { items: [{ path: 'ip', fieldRef: { fieldPath: 'status.podIP' } }] } },
    /^downwardAPI\.items\[0\]\.fieldRef\.fieldPath: must be one of /,
  ],
  [
    'a field from nowhere',
    { downwardAPI: { items: [{ path: 'x' }] } },
    /^downwardAPI\.items\[0\]: must name exactly one/,
  ],
  ['a size that is none', { emptyDir: { sizeLimit: 'big' } }, /^emptyDir\.sizeLimit: must be a quantity/],
] as Array<[string, Record<string, unknown>, string | RegExp]>) {
  test(`${what} is refused`, t => {
    const problems = checkVolume(source)
    t.is(problems.length, 1, problems.join('\n'))
    if (typeof problem === 'string') t.is(problems[0], problem)
    else t.regex(problems[0] ?? '', problem)
  })
}

for (const [what, mount, problem] of [
  ['a mount above its place', { mountPath: '/a/../../etc' }, 'mountPath: must not hold ".."'],
  ['a mount with a colon', { mountPath: '/a:rw' }, 'mountPath: must not hold ":" or a NUL'],
  ['a subPath out of its volume', { subPath: '../../etc' }, /^subPath: must not hold ".."/],
  ['a subPath from the root', { subPath: '/etc' }, /^subPath: must be relative/],
  ['a subPathExpr out of its volume', { subPathExpr: '$(A)/..' }, /^subPathExpr: must not hold ".."/],
  ['a subPath twice', { subPath: 'a', subPathExpr: 'b' }, /^subPathExpr: must be left out/],
] as Array<[string, Record<string, unknown>, string | RegExp]>) {
  test(`${what} is refused`, t => {
    const problems = checkMount(mount)
    t.is(problems.length, 1, problems.join('\n'))
    if (typeof problem === 'string') t.is(problems[0], problem)
    else t.regex(problems[0] ?? '', problem)
  })
}
