import test from 'ava'
import fc from 'fast-check'
import { parseYamlDocuments, renderYaml } from '../../../contract/manifest/yaml.ts'

const read = (text: string): unknown => parseYamlDocuments(text, 'a.yaml').documents[0]?.value

const scalars: Array<[text: string, value: unknown]> = [
  ['0644', 420],
  ['0o644', 420],
  ['-0o10', -8],
  ['0x1F', 31],
  ['1_000', 1000],
  ['089', 89],
  ['1e3', 1000],
  ['.5', 0.5],
  ['1.', 1],
  ['yes', true],
  ['On', true],
  ['y', true],
  ['no', false],
  ['OFF', false],
  ['~', null],
  ['null', null],
  ['12:30', '12:30'],
  ['1:20:30.5', '1:20:30.5'],
  ['2026-01-31', '2026-01-31'],
  ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00Z'],
  ['.', '.'],
  ['._', '._'],
  ['1.2.3', '1.2.3'],
  ['100m', '100m'],
  ['"yes"', 'yes'],
  ["'0644'", '0644'],
]

for (const [text, value] of scalars)
  test(`${text} is read as ${JSON.stringify(value)}, as kubectl does`, t => {
    t.deepEqual(read(`a: ${text}\n`), { a: value })
  })

test('JSON is YAML, with tabs and all', t => {
  t.deepEqual(read('{\n\t"a": [1,\n\t\t2],\n\t"b": {"c": null}\n}\n'), { a: [1, 2], b: { c: null } })
})

test('anchors, aliases and merges are followed', t => {
  const text = 'base: &base {a: 1, b: 2}\ncopy: *base\nmore: {<<: *base, b: 3}\n'
  t.deepEqual(read(text), { base: { a: 1, b: 2 }, copy: { a: 1, b: 2 }, more: { a: 1, b: 3 } })
})

test('a file holds any number of documents, and empty ones have no value', t => {
  const { documents, problems } = parseYamlDocuments('---\n# nothing\n---\na: 1\n---\n---\nb: 2\n', 'a.yaml')
  t.deepEqual(problems, [])
  t.deepEqual(
    documents.map(({ value }) => value),
    [undefined, { a: 1 }, undefined, { b: 2 }],
  )
  t.deepEqual(parseYamlDocuments('', 'a.yaml'), { documents: [], problems: [] })
})

const broken: Array<[what: string, text: string, line: number, message: RegExp]> = [
  ['a key twice', 'a: 1\nb: 2\na: 3\n', 3, /must be unique/],
  ['a list that does not end', 'a: 1\nb: [1, 2', 2, /must .* end with a \]/],
  ['a tab for indentation', 'a:\n\tb: 1\n', 2, /Tabs are not allowed/],
  ['a wrong indentation', 'a:\n  - b\n c: d\n', 3, /same column/],
  ['a template that nobody rendered', 'a: 1\nb: {{ .Values.name }}\n', 2, /a key must be plain text/],
  ['an alias of nothing', 'a: *b\n', 1, /Unresolved alias/],
  ['a tag that nobody knows', 'a: 1\nb: !thing x\n', 2, /Unresolved tag/],
]

for (const [what, text, line, message] of broken)
  test(`${what} is told with its line`, t => {
    const { documents, problems } = parseYamlDocuments(text, 'a.yaml')
    t.deepEqual(documents, [])
    t.like(problems[0], { file: 'a.yaml', line, path: '' })
    t.regex(problems[0]?.message ?? '', message)
    t.regex(problems[0]?.message ?? '', /^not YAML: /)
  })

test('a broken document does not hide the others', t => {
  const { documents, problems } = parseYamlDocuments('a: 1\n---\na: [\n---\nb: 2\n', 'a.yaml')
  t.true(problems.length > 0)
  t.deepEqual(
    documents.map(({ value }) => value),
    [{ a: 1 }, { b: 2 }],
  )
})

test('a bomb of aliases is refused before it goes off', t => {
  const levels = Array.from({ length: 8 }, (_, level) => {
    const item = level === 0 ? 'lol' : `*a${level - 1}`
    return `a${level}: &a${level} [${Array(9).fill(item).join(', ')}]`
  })
  const { documents, problems } = parseYamlDocuments(levels.join('\n'), 'bomb.yaml')
  t.deepEqual(documents, [])
  t.regex(problems[0]?.message ?? '', /Excessive alias count/)
})

test('a file of brackets only is a problem and not a crash', t => {
  const { documents, problems } = parseYamlDocuments('['.repeat(20_000), 'a.yaml')
  t.deepEqual(documents, [])
  t.true(problems.length > 0 && problems.length <= 20)
})

const located = `# a comment
apiVersion: v1
metadata:
  labels: &labels
    app.io/name: web
spec:
  ports:
    - port: 80
    - name: b
      port: 81
  copy: *labels
`

const lines: Array<[path: Array<string | number>, line: number]> = [
  [[], 2],
  [['apiVersion'], 2],
  [['metadata', 'labels', 'app.io/name'], 5],
  [['spec', 'ports'], 7],
  [['spec', 'ports', 0, 'port'], 8],
  [['spec', 'ports', 1], 9],
  [['spec', 'ports', 1, 'port'], 10],
  [['spec', 'copy', 'app.io/name'], 5],
  [['spec', 'ports', 0, 'missing', 'deeper'], 8],
  [['spec', 'ports', 7], 7],
  [['missing'], 2],
]

for (const [path, line] of lines)
  test(`${path.join('.') || 'the document'} is on line ${line}`, t => {
    t.is(parseYamlDocuments(located, 'a.yaml').documents[0]?.lineOf(path), line)
  })

test('lines count through the documents of a file', t => {
  const { documents } = parseYamlDocuments('a: 1\n---\nb: 2\nc: 3\n---\n', 'a.yaml')
  t.is(documents[1]?.lineOf(['c']), 4)
})

test('YAML is written as kubectl writes it', t => {
  const object = { kind: 'Pod', apiVersion: 'v1', spec: { list: [{ b: 1, a: 'x' }], text: 'one\ntwo\n', none: {} } }
  t.is(
    renderYaml(object),
    'apiVersion: v1\nkind: Pod\nspec:\n  list:\n  - a: x\n    b: 1\n  none: {}\n  text: |\n    one\n    two\n',
  )
})

test('long lines are not folded, and what would read as something else is quoted', t => {
  const long = 'word '.repeat(60).trim()
  t.is(renderYaml({ long }), `long: ${long}\n`)
  for (const text of ['yes', 'y', '0644', '0o17', '1e3', '12:30', '2026-01-31', 'null', '', '.5', 'true'])
    t.is(renderYaml({ a: text }), `a: "${text}"\n`)
})

test('one object in two places is written twice', t => {
  const same = { a: 1 }
  t.is(renderYaml({ one: same, two: same }), 'one:\n  a: 1\ntwo:\n  a: 1\n')
})

test('what is written reads back the same', t => {
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom(...scalars.map(([spelling]) => spelling)))
  const { value } = fc.letrec(tie => ({
    value: fc.oneof({ maxDepth: 3 }, text, fc.integer(), fc.boolean(), fc.constant(null), tie('list'), tie('map')),
    list: fc.array(tie('value'), { maxLength: 4 }),
    map: fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  }))
  fc.assert(
    fc.property(value, given => {
      t.deepEqual(read(renderYaml({ given })), JSON.parse(JSON.stringify({ given })))
    }),
    { numRuns: 300 },
  )
})

test('no text whatever makes the parser throw', t => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab1:-?[]{},&*!|>#%@`"\'~ \t\n'), maxLength: 60 }), text => {
      const { documents } = parseYamlDocuments(text, 'a.yaml')
      for (const document of documents) document.lineOf(['a', 0])
      return true
    }),
    { numRuns: 1000 },
  )
  t.pass()
})
