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

for (const patch of ['text', {}, [{ op: 'copy', path: '/a' }], [{ op: 'grow', path: '/a' }], [{ op: 'add' }], [null]])
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

test('a field called __proto__ is one like the others, not what an object inherits', t => {
  const patch = JSON.parse('{"spec":{"revoked":null,"__proto__":{"revoked":true}}}')
  const merged = applyMergePatch({ spec: { revoked: true } }, patch) as { spec: { revoked?: boolean } }
  t.is(merged.spec.revoked, undefined)
  t.is(JSON.stringify(merged), '{"spec":{"__proto__":{"revoked":true}}}')
})

test('copies of copies end before they fill the memory', t => {
  const copies = Array.from({ length: 40 }, (_, index) => ({ op: 'copy', from: '/data', path: `/data/k${index}` }))
  t.throws(() => applyJsonPatch({ data: { a: 'x'.repeat(100) } }, copies), { code: 'RequestEntityTooLarge' })
})

test('a test of a JSON patch costs no more than a look at both sides', t => {
  const list = Array.from({ length: 50_000 }, (_, index) => index)
  const other = list.map(number => number + 1)
  // Compared item with item, these would be 2.5 billion steps.
  t.throws(() => applyJsonPatch({ list }, [{ op: 'test', path: '/list', value: other }]), { code: 'Invalid' })
  t.deepEqual(applyJsonPatch({ list }, [{ op: 'test', path: '/list', value: [...list] }]), { list })
})

test('what follows an operation that fails is not tried', t => {
  const bad = [
    { op: 'remove', path: '/none' },
    { op: 'test', path: 'no pointer', value: 1 },
  ]
  t.throws(() => applyJsonPatch({}, bad), { code: 'Invalid', message: /\/none/ })
  t.throws(() => applyJsonPatch({}, bad.slice(1)), { code: 'Invalid', message: /no JSON pointer/ })
})
