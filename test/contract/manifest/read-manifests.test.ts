import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { locateProblems, readManifests } from '../../../contract/manifest/read-manifests.ts'
import { CodedError } from '../../../kit/errors.ts'

const noStdin = { readStdin: () => Promise.reject(new Error('nobody types')) }
const fromStdin = (text: string) => readManifests(['-'], { readStdin: async () => text })

const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`

/** A directory with these files, removed after `use` whatever becomes of it. */
async function withFiles(files: Record<string, string>, use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-manifests-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(directory, name, '..'), { recursive: true })
      await writeFile(join(directory, name), text)
    }
    await use(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

test('every document of a file is an object, with the line where it begins', async t => {
  await withFiles({ 'all.yaml': `${configMap('a')}---\n# nothing\n---\n${configMap('b')}` }, async directory => {
    const file = join(directory, 'all.yaml')
    const manifests = await readManifests([file], noStdin)
    t.deepEqual(
      manifests.map(({ object, line, file: from }) => [object.metadata.name, line, from]),
      [
        ['a', 1, file],
        ['b', 8, file],
      ],
    )
    t.is(manifests[1]?.lineOf(['metadata', 'name']), 11)
  })
})

test('an object is what was written, without defaults', async t => {
  const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n'
  const [manifest] = await fromStdin(service)
  t.deepEqual(manifest?.object.spec, { ports: [{ port: 80 }] })
  t.is(manifest?.file, 'standard input')
})

test('a List stands for its items, whose lines are those of the file', async t => {
  const items = ['a', 'b'].map(name => `- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: ${name}\n`)
  for (const kind of ['List', 'ConfigMapList']) {
    const manifests = await fromStdin(`apiVersion: v1\nkind: ${kind}\nitems:\n${items.join('')}`)
    t.deepEqual(
      manifests.map(({ object }) => object.metadata.name),
      ['a', 'b'],
    )
    t.deepEqual(
      manifests.map(({ line }) => line),
      [4, 8],
    )
    t.is(manifests[1]?.lineOf(['metadata', 'name']), 11)
  }
})

test('a directory gives its manifests in order, and those below when asked', async t => {
  const files = {
    'b.yml': configMap('b'),
    'a.yaml': configMap('a'),
    'c.json': '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
    'README.md': 'not a manifest',
    'below/d.yaml': configMap('d'),
  }
  await withFiles(files, async directory => {
    const names = async (recursive: boolean) =>
      (await readManifests([directory], { ...noStdin, recursive })).map(({ object }) => object.metadata.name)
    t.deepEqual(await names(false), ['a', 'b', 'c'])
    t.deepEqual(await names(true), ['a', 'b', 'd', 'c'])
  })
})

test('every problem of every document of every file is told at once', async t => {
  const files = {
    '1.yaml': `${configMap('a')}data:\n  port: 80\n---\n${configMap('B_')}`,
    '2.yaml': 'a: [1',
    '3.yaml': 'apiVersion: v1\nkind: Pood\n',
    '4.yaml': 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 99999\n  - port: 81\n',
  }
  await withFiles(files, async directory => {
    const error = await t.throwsAsync(() => readManifests([directory], noStdin), { instanceOf: CodedError })
    t.is(error?.code, 'Invalid')
    t.deepEqual(
      error?.problems.map(({ file, line, path }) => [file?.slice(directory.length + 1), line, path]),
      [
        ['1.yaml', 6, 'data.port'],
        ['1.yaml', 11, 'metadata.name'],
        ['2.yaml', 1, ''],
        ['3.yaml', 2, 'kind'],
        ['4.yaml', 7, 'spec.ports[0].port'],
        ['4.yaml', 7, 'spec.ports[0].name'],
        ['4.yaml', 8, 'spec.ports[1].name'],
      ],
    )
    const first = `${join(directory, '1.yaml')}:6: data.port: must be text, not the number 80: put it in quotes`
    t.is(error?.message.split('\n')[0], first)
    t.is(error?.message.split('\n').length, 7)
  })
})

test('a file of 2 MB in one object is a problem with its place', async t => {
  const error = await t.throwsAsync(() => fromStdin(`${configMap('a')}data:\n  a: ${'x'.repeat(2_000_000)}\n`))
  t.regex(error?.message ?? '', /^standard input:1: cannot take "ConfigMap": because it is 2\d+ bytes of JSON/)
})

test('a source that cannot be read is told with the problems of the others', async t => {
  await withFiles({ 'bad.yaml': 'kind: Pod\n', 'empty/readme.txt': '' }, async directory => {
    const sources = ['gone.yaml', 'bad.yaml', 'empty'].map(name => join(directory, name))
    const error = await t.throwsAsync(() => readManifests(sources, noStdin), { instanceOf: CodedError })
    const [gone, empty, bad] = error?.problems ?? []
    t.regex(gone?.message ?? '', /^cannot be read: ENOENT/)
    t.is(empty?.message, 'cannot be read: the directory has no *.yaml, *.yml or *.json')
    t.is(bad?.path, 'apiVersion')
  })
})

test('an object that holds itself is refused', async t => {
  const error = await t.throwsAsync(() => fromStdin('apiVersion: v1\nkind: Pod\nspec: &spec\n  a: *spec\n'))
  t.is(error?.message, 'standard input:1: is nested more than 64 levels deep')
})

test('input that cannot be read is told, too', async t => {
  const error = await t.throwsAsync(() => readManifests(['-'], noStdin))
  t.is(error?.message, 'standard input: cannot be read: nobody types')
})

test('sources without any object are refused', async t => {
  const error = await t.throwsAsync(() => fromStdin('# nothing\n---\n'), { instanceOf: CodedError })
  t.is(error?.message, 'no objects in -')
})

test('an address is refused with the way out', async t => {
  const error = await t.throwsAsync(() => readManifests(['https://example.com/web.yaml'], noStdin), {
    instanceOf: CodedError,
  })
  t.is(error?.code, 'BadRequest')
  t.regex(
    error?.message ?? '',
    /downloads no manifests.*curl -fsSL https:\/\/example.com\/web.yaml \| flotilla apply -f -/,
  )
})

test('what the server finds wrong gets the line of the file', async t => {
  const [manifest] = await fromStdin(`---\n${configMap('a')}data:\n  a.conf: x\n`)
  const problems = [
    { path: 'data["a.conf"]', message: 'x' },
    { path: 'metadata.labels.app', message: 'y' },
    { path: '', message: 'z' },
  ]
  t.deepEqual(
    locateProblems(manifest!, problems).map(({ file, line }) => [file, line]),
    [
      ['standard input', 7],
      ['standard input', 4],
      ['standard input', 2],
    ],
  )
})
