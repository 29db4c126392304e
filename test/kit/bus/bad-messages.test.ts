import test from 'ava'
import { BadMessages, decodeJson } from '../../../kit/bus/bad-messages.ts'
import { errorFromWire, errorToWire } from '../../../kit/bus/wire-error.ts'
import { CodedError } from '../../../kit/errors.ts'
import { createLog } from '../../../kit/log.ts'

const message = (payload: string) => ({ topic: 'nodes/a/report', payload: Buffer.from(payload), retained: false })

test('bad messages of one kind are all counted and logged once', t => {
  const lines: string[] = []
  const bad = new BadMessages(createLog({ write: line => lines.push(line) }))
  for (let round = 0; round < 1000; round++) bad.guard('report', message('{'), () => decodeJson(message('{'), 100))
  bad.guard('beat', message('x'), () => decodeJson(message('x'), 100))
  bad.guard('beat', message('{}'), () => decodeJson(message('{}'), 100))
  t.deepEqual(bad.counts(), { report: 1000, beat: 1 })
  t.is(lines.length, 2)
  t.regex(lines[0] ?? '', /kind=report topic=nodes\/a\/report/)
})

test('kinds without end are counted together, so that nobody fills the memory with them', t => {
  const bad = new BadMessages(createLog({ write: () => undefined }))
  for (let kind = 0; kind < 1000; kind++) bad.count(`kind-${kind}`, 'topic', new Error('bad'))
  const counts = Object.values(bad.counts())
  t.true(counts.length <= 65)
  t.is(
    counts.reduce((sum, count) => sum + count, 0),
    1000,
  )
})

test('what is too large is refused before it is read, what is no JSON with the reason', t => {
  t.deepEqual(decodeJson(message('{"a":[1]}'), 9), { a: [1] })
  t.is(t.throws(() => decodeJson(message('{"a":[1]}'), 8), { instanceOf: CodedError }).code, 'RequestEntityTooLarge')
  for (const payload of ['', '{', 'undefined', '\xff']) {
    t.is(t.throws(() => decodeJson(message(payload), 100), { instanceOf: CodedError }).code, 'BadRequest', payload)
  }
})

test('an error survives the wire; anything else becomes an InternalError', t => {
  const error = new CodedError('Conflict', 'cannot put: because it changed', {
    problems: [{ path: 'a', message: 'b' }],
  })
  const back = errorFromWire(JSON.parse(JSON.stringify(errorToWire(error))))
  t.like(back, { code: 'Conflict', message: error.message, problems: error.problems })
  for (const value of [null, 'text', 5, {}, { code: 'toString' }, { code: 'NoSuchCode', problems: 'x' }]) {
    t.is(errorFromWire(value).code, 'InternalError')
  }
  t.deepEqual(errorToWire('thrown text'), { code: 'InternalError', message: 'thrown text' })
})
