import test from 'ava'
import { applyJsonPatch } from '../../../master/api/json-patch.ts'
import { applyMergePatch } from '../../../master/api/merge-patch.ts'

/** The table of RFC 7386, appendix A. */
const mergeCases: Array<[target: unknown, patch: unknown, result: unknown]> = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

for (const [target, patch, result] of mergeCases)
  test(`merge patch: ${JSON.stringify(patch)} on ${JSON.stringify(target)}`, t => {
    t.deepEqual(applyMergePatch(target, patch), result)
  })

test('a JSON patch adds, replaces and removes, and leaves the document that it was given', t => {
  const document = { spec: { replicas: 1, list: ['a'] } }
  const patched = applyJsonPatch(document, [
    { op: 'replace', path: '/spec/replicas', value: 3 },
    { op: 'add', path: '/spec/list/-', value: 'b' },
  ])
  t.deepEqual(patched, { spec: { replicas: 3, list: ['a', 'b'] } })
  t.is(document.spec.replicas, 1)
})

test('a JSON patch whose test fails says which, and tells neither value: it may be that of a Secret', t => {
  const patch = [
    { op: 'test', path: '/b', value: 'x' },
    { op: 'test', path: '/a', value: 'tried' },
  ]
  const error = t.throws(() => applyJsonPatch({ a: 'hidden', b: 'x' }, patch), { code: 'Invalid' })
  t.is(error.message, 'cannot apply the patch: because the test of /a failed')
  t.is(error.cause, undefined)
})

for (const patch of ['text', {}, [{ op: 'grow', path: '/a' }], [{ op: 'add' }], [null]])
  test(`no JSON patch: ${JSON.stringify(patch)}`, t => {
    t.throws(() => applyJsonPatch({}, patch), { code: 'BadRequest' })
  })

test('no patch reaches what all objects share', t => {
  const patches = ['/__proto__/polluted', '/constructor/prototype/polluted']
  for (const path of patches) {
    try {
      applyJsonPatch({ a: {} }, [{ op: 'add', path, value: 'yes' }])
    } catch {
      // A refusal is as good.
    }
  }
  applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}'))
  t.false('polluted' in {})
})
