import test from 'ava'
import fc from 'fast-check'
import { sameJson } from '../../../master/store/same-json.ts'

test('values are the same when JSON would write the same, order aside', t => {
  t.true(sameJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }))
  t.true(sameJson({ a: 1, b: undefined }, { a: 1 }))
  t.false(sameJson({ a: undefined, b: 1 }, { a: 1, b: undefined }))
  t.false(sameJson([1, 2], [2, 1]))
  t.false(sameJson([], {}))
  t.false(sameJson(null, {}))
  t.false(sameJson({ a: 1 }, { a: '1' }))
  t.false(sameJson([1], [1, 2]))
})

test('any value is the same as its copy through JSON, and not as one with a change inside', t => {
  const property = fc.property(fc.jsonValue(), fc.string(), (value, field) => {
    const whole = { value, rest: { list: [value] } }
    const copy = JSON.parse(JSON.stringify(whole)) as typeof whole
    return sameJson(whole, copy) && !sameJson(whole, { ...copy, rest: { list: [value, field] } })
  })
  t.notThrows(() => fc.assert(property))
})
