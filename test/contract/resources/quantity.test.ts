import test from 'ava'
import fc from 'fast-check'
import {
  bytesOf,
  canonicalQuantity,
  compareQuantities,
  formatBytes,
  formatCpu,
  isQuantity,
  milliCpu,
  parseQuantity,
} from '../../../contract/resources/quantity.ts'
import { CodedError } from '../../../kit/errors.ts'

const spellings: Array<[text: string, value: number, canonical: string]> = [
  ['0', 0, '0'],
  ['0Mi', 0, '0'],
  ['0e5', 0, '0'],
  ['1', 1, '1'],
  ['+1', 1, '1'],
  ['0.5', 0.5, '500m'],
  ['.5', 0.5, '500m'],
  ['5.', 5, '5'],
  ['1000m', 1, '1'],
  ['1500m', 1.5, '1500m'],
  ['-1.5', -1.5, '-1500m'],
  ['100n', 1e-7, '100n'],
  ['3u', 3e-6, '3u'],
  ['1k', 1000, '1k'],
  ['1500M', 1.5e9, '1500M'],
  ['1e3', 1000, '1e3'],
  ['12E6', 12e6, '12e6'],
  ['1e-3', 0.001, '1e-3'],
  ['1E', 1e18, '1E'],
  ['1024Mi', 2 ** 30, '1Gi'],
  ['1500Mi', 1500 * 2 ** 20, '1500Mi'],
  ['1.5Ki', 1536, '1536'],
  ['2000Ki', 2000 * 1024, '2000Ki'],
]

for (const [text, value, canonical] of spellings)
  test(`${text} is ${value}, and answered as ${canonical}`, t => {
    t.is(parseQuantity(text), value)
    t.is(canonicalQuantity(text), canonical)
  })

const wrong = [
  '',
  ' ',
  'm',
  '.',
  '-',
  '1 Gi',
  '1gi',
  '1KI',
  '1K',
  '0x10',
  '1e',
  '1e99',
  '1e-19',
  '1.2.3',
  'NaN',
  'Infinity',
]

for (const text of [...wrong, '9'.repeat(65)])
  test(`"${text}" is no quantity`, t => {
    t.false(isQuantity(text))
    const error = t.throws(() => parseQuantity(text), { instanceOf: CodedError })
    t.is(error.code, 'Invalid')
    t.regex(error.message, /^cannot read quantity .*: because /)
  })

test('what is finer than a billionth is rounded away from zero for positive amounts', t => {
  t.is(canonicalQuantity('0.0000000001'), '1n')
})

test('cores are counted in thousandths and bytes whole, both rounded up', t => {
  t.is(milliCpu('0.25'), 250)
  t.is(milliCpu('2'), 2000)
  t.is(milliCpu('1u'), 1)
  t.is(bytesOf('64Mi'), 67_108_864)
  t.is(bytesOf('0.5'), 1)
})

test('amounts are written as people read them', t => {
  t.deepEqual([0, 250, 1500, 2000].map(formatCpu), ['0', '250m', '1500m', '2'])
  t.deepEqual([0, 1000, 1024, 3884 * 1024, 2 ** 30].map(formatBytes), ['0', '1000', '1Ki', '3884Ki', '1Gi'])
})

test('two spellings of one amount compare as equal, and neighbours beyond double precision do not', t => {
  t.is(compareQuantities('1Gi', '1024Mi'), 0)
  t.is(compareQuantities('1', '1001m'), -1)
  t.is(compareQuantities('9007199254740993', '9007199254740992'), 1)
})

const amount = fc
  .tuple(
    fc.integer({ min: 0, max: 1_000_000 }),
    fc.constantFrom('', 'm', 'u', 'n', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'e-3'),
  )
  .map(([digits, unit]) => `${digits}${unit}`)

test('the canonical spelling is the same amount, and its own canonical spelling', t => {
  fc.assert(
    fc.property(amount, text => {
      const canonical = canonicalQuantity(text)
      return compareQuantities(text, canonical) === 0 && canonicalQuantity(canonical) === canonical
    }),
  )
  t.pass()
})

test('what was formatted reads back without loss', t => {
  fc.assert(fc.property(fc.maxSafeNat(), bytes => bytesOf(formatBytes(bytes)) === bytes))
  fc.assert(fc.property(fc.nat(), millis => milliCpu(formatCpu(millis)) === millis))
  t.pass()
})

test('any text is either a quantity or refused with a code', t => {
  fc.assert(
    fc.property(fc.string(), text => {
      if (isQuantity(text)) return Number.isFinite(parseQuantity(text))
      try {
        parseQuantity(text)
        return false
      } catch (error) {
        return error instanceof CodedError
      }
    }),
  )
  t.pass()
})
