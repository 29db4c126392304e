import test from 'ava'
import { planVolumes } from '../../../agent/volumes/plan-volumes.ts'
import { type FileObjects, renderFiles, type VolumeFiles } from '../../../agent/volumes/render-files.ts'
import type { Container, PodSpec } from '../../../contract/resources/pod.ts'
import type { Volume } from '../../../contract/resources/volume.ts'
import { CodedError } from '../../../kit/errors.ts'
import { spec, wishOf } from '../reconcile/fixtures.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const secrets: Record<string, Record<string, string>> = {
  db: { password: base64('hunter2'), 'tls.crt': base64('cert') },
  odd: { '..data': base64('x'), '../../etc/passwd': base64('x'), fine: base64('y') },
  big: { a: base64('x'.repeat(8 * 1024 * 1024)), b: base64('x') },
}

async function render(
  source: Partial<Volume>,
  { container = {}, spec: podSpec = {} }: { container?: Partial<Container>; spec?: Partial<PodSpec> } = {},
): Promise<VolumeFiles> {
  const metadata = { labels: { app: 'web', tier: 'a "b"' }, annotations: { note: 'one\ntwo' } }
  const pod = wishOf([spec('main', container)], { metadata, spec: { ...podSpec, volumes: [{ name: 'v', ...source }] } })
  const objects: FileObjects = {
    pod,
    configMap: name =>
      name === 'settings'
        ? {
            ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
            ...{ data: { color: 'blue' }, binaryData: { blob: base64('\0\x01') } },
          }
        : undefined,
    secret: async name => secrets[name],
    token: () => 'token',
  }
  return renderFiles(planVolumes(pod).files[0]!, objects)
}

const texts = (files: VolumeFiles): Record<string, string> =>
  Object.fromEntries([...files].map(([path, { content }]) => [path, content.toString()]))

test('a Secret is a file for each key, a ConfigMap too, with its bytes', async t => {
  t.deepEqual(texts(await render({ secret: { secretName: 'db' } })), { password: 'hunter2', 'tls.crt': 'cert' })
  t.deepEqual(texts(await render({ configMap: { name: 'settings' } })), { color: 'blue', blob: '\0\x01' })
})

test('items choose keys, places and modes; the others have the mode of the volume, or 0644', async t => {
  const items = [
    { key: 'password', path: 'a/b', mode: 0o400 },
    { key: 'tls.crt', path: 'c' },
  ]
  const files = await render({ secret: { secretName: 'db', items, defaultMode: 0o440 } })
  t.deepEqual(
    [...files].map(([path, { mode }]) => [path, mode]),
    [
      ['a/b', 0o400],
      ['c', 0o440],
    ],
  )
  t.is((await render({ secret: { secretName: 'db' } })).get('password')?.mode, 0o644)
})

for (const [title, source, message] of [
  ['a Secret', { secret: { secretName: 'absent' } }, 'secret "absent" not found'],
  ['a ConfigMap', { configMap: { name: 'absent' } }, 'configmap "absent" not found'],
  [
    'a key',
    { secret: { secretName: 'db', items: [{ key: 'user', path: 'x' }] } },
    'couldn\'t find key user in secret "db"',
  ],
  [
    'a key that every JavaScript object seems to have',
    { secret: { secretName: 'db', items: [{ key: 'constructor', path: 'x' }] } },
    'couldn\'t find key constructor in secret "db"',
  ],
] as Array<[string, Partial<Volume>, string]>) {
  test(`${title} that is missing is an error that names it`, async t => {
    const error = await t.throwsAsync(render(source), { instanceOf: CodedError })
    t.like(error, { code: 'NotFound', message })
  })

  test(`${title} that is missing is no error when it is optional`, async t => {
    const [[kind, fields] = ['', {}]] = Object.entries(source) as Array<[string, object]>
    t.deepEqual(texts(await render({ [kind]: { ...fields, optional: true } })), {})
  })
}

test('keys that would leave the volume, or take the place of its links, are no files', async t => {
  t.deepEqual(Object.keys(texts(await render({ secret: { secretName: 'odd' } }))), ['fine'])
})

for (const path of ['../x', 'a/../../x', '/etc/passwd', '..data', '', 'a\0']) {
  test(`an item cannot be written to ${JSON.stringify(path)}, whatever the master says`, async t => {
    for (const source of [
      { secret: { secretName: 'db', items: [{ key: 'password', path }] } },
      { downwardAPI: { items: [{ path, fieldRef: { fieldPath: 'metadata.name' } }] } },
      { projected: { sources: [{ serviceAccountToken: { path } }] } },
    ]) {
      const error = await t.throwsAsync(render(source), { instanceOf: CodedError })
      t.is(error?.code, 'Invalid')
      t.false(error?.message.includes('hunter2'))
    }
  })
}

test('more than a board can spare is refused', async t => {
  const error = await t.throwsAsync(render({ secret: { secretName: 'big' } }), { instanceOf: CodedError })
  t.regex(error?.message ?? '', /8388609 bytes, more than 8388608/)
})

test('a pod can read of itself', async t => {
  const fields = ['metadata.name', 'metadata.uid', "metadata.labels['app']", 'metadata.labels', 'metadata.annotations']
  const items = fields.map((fieldPath, index) => ({ path: `${index}`, fieldRef: { fieldPath } }))
  t.deepEqual(Object.values(texts(await render({ downwardAPI: { items } }))), [
    ...['web', 'uid-web', 'web', 'app="web"\ntier="a \\"b\\""', 'note="one\\ntwo"'],
  ])
})

test("what is projected lies together, the last one's word counting", async t => {
  const sources = [
    { configMap: { name: 'settings', items: [{ key: 'color', path: 'same' }] } },
    { secret: { name: 'db', items: [{ key: 'password', path: 'same' }] } },
    { serviceAccountToken: { path: 'token' } },
  ]
  t.deepEqual(texts(await render({ projected: { sources } })), { same: 'hunter2', token: 'token' })
})

test('the group of a pod may read its files', async t => {
  const files = await render(
    { secret: { secretName: 'db', defaultMode: 0o400 } },
    { spec: { securityContext: { fsGroup: 7 } } },
  )
  t.like(files.get('password'), { mode: 0o440, gid: 7 })
})

test('a token is for the user of the pod alone, when the pod says who that is', async t => {
  const source = { projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }
  t.like((await render(source)).get('token'), { mode: 0o644 })
  const alone = { container: { securityContext: { runAsUser: 1000 } } }
  t.deepEqual(Object.entries((await render(source, alone)).get('token')!).slice(1), [
    ['mode', 0o600],
    ['uid', 1000],
  ])
  const grouped = { spec: { securityContext: { fsGroup: 7 } } }
  t.like((await render(source, grouped)).get('token'), { mode: 0o640, gid: 7 })
  t.is((await render({ secret: { secretName: 'db' } }, alone)).get('password')?.uid, undefined)
})
