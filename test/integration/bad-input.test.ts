/** Bad input, as a user gives it: an error with file, line and path, exit status 1, and a cluster that is as it was. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { canUseLab } from '../cli/lab/harness.ts'
import { Fleet } from '../support/fleet.ts'

const fleet = new Fleet()

test.before(async t => {
  t.timeout(120_000)
  if (!(await canUseLab(t as never))) return
  await fleet.onLab('up', '--boards', '1')
})

test.after.always(async t => {
  await fleet.down()
  t.deepEqual(fleet.lab.traces(), [], 'nothing stays on the machine')
})

const good = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n---\n'
const deployment = (body: string): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n${body}`
const template =
  '  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers: [{name: web, image: nginx}]\n'
const selector = '  selector: {matchLabels: {app: web}}\n'

/** What is wrong, the document, and the place and words that the error must have. Lines count from the `good` document on top. */
const cases: Array<{ title: string; document: string; place: RegExp; words: RegExp }> = [
  { title: 'YAML that is broken', document: 'apiVersion: v1\nkind: [', place: /bad\.yaml:6/, words: /./ },
  {
    title: 'a field that nobody knows',
    document: deployment(`  replicsa: 3\n${selector}${template}`),
    place: /bad\.yaml:9: spec\.replicsa/,
    words: /replicas/,
  },
  {
    title: 'a word where a number belongs',
    document: deployment(`  replicas: three\n${selector}${template}`),
    place: /bad\.yaml:9: spec\.replicas/,
    words: /number|integer/,
  },
  {
    title: 'a Deployment without a selector',
    document: deployment(template),
    place: /bad\.yaml:8: spec\.selector/,
    words: /required|missing/,
  },
  {
    title: 'a port out of range',
    document: 'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - port: 70000\n',
    place: /bad\.yaml:10: spec\.ports\[0\]\.port/,
    words: /65535/,
  },
  {
    title: 'a name that is no DNS name',
    document: 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not_A_Name\n',
    place: /bad\.yaml:8: metadata\.name/,
    words: /lower/,
  },
  {
    title: 'a kind that nobody knows',
    document: 'apiVersion: v1\nkind: Pood\nmetadata: {name: x}\n',
    place: /bad\.yaml:6: kind/,
    words: /Pod/,
  },
  {
    title: 'a kind under the wrong apiVersion',
    document: 'apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: x}\n',
    place: /bad\.yaml:5/,
    words: /apps\/v1/,
  },
  {
    title: 'labels that the selector does not match',
    document: deployment(`  selector: {matchLabels: {app: other}}\n${template}`),
    place: /bad\.yaml:\d+: spec\.(template\.metadata\.labels|selector)/,
    words: /match/,
  },
  {
    title: '2 MB of object',
    document: `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata:\n  x: ${'y'.repeat(2_000_000)}\n`,
    place: /bad\.yaml:5/,
    words: /bytes|large|MiB/,
  },
]

for (const { title, document, place, words } of cases) {
  test.serial(`${title} is refused with its place, and nothing at all is applied`, async t => {
    const file = join(fleet.lab.dir, 'bad.yaml')
    await writeFile(file, good + document)
    const before = await state()
    const { status, stderr, stdout } = await fleet.try('apply', '-f', file)
    t.is(status, 1)
    t.is(stdout, '')
    t.regex(stderr, place)
    t.regex(stderr, words)
    t.is(await state(), before, 'even the good document of the same file is not applied')
  })
}

test.serial('all problems of all files are told at once', async t => {
  const file = join(fleet.lab.dir, 'bad.yaml')
  await writeFile(
    file,
    cases
      .filter(({ document }) => document.length < 10_000 && !document.endsWith('['))
      .map(({ document }) => document)
      .join('\n---\n'),
  )
  const { stderr } = await fleet.try('apply', '-f', file)
  t.true((stderr.match(/bad\.yaml:\d+/g) ?? []).length >= 8, stderr)
})

test.serial('a URL and a file that is not there are refused politely', async t => {
  const url = await fleet.try('apply', '-f', 'https://example.org/web.yaml')
  t.is(url.status, 1)
  t.regex(url.stderr, /download/i)
  const missing = await fleet.try('apply', '-f', '/no/such/file.yaml')
  t.is(missing.status, 1)
  t.regex(missing.stderr, /\/no\/such\/file\.yaml/)
})

test.serial('a wrong use of a command ends with status 2 and says what is right', async t => {
  const { status, stderr } = await fleet.try('get', 'pods', '--no-such-flag')
  t.is(status, 2)
  t.regex(stderr, /--help/)
})

test.serial('what is not there is said to be not there', async t => {
  const { status, stderr } = await fleet.try('get', 'pod', 'nobody')
  t.is(status, 1)
  t.regex(stderr, /pods "nobody" not found/)
})

/** Everything that the cluster holds of what a user can apply. */
function state(): Promise<string> {
  return fleet.run('get', 'deployments,services,configmaps,pods', '-A', '-o', 'json')
}
