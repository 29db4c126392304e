/** Inputs for decoders: noise, JSON of any shape, and right messages with something wrong in them. */
import fc from 'fast-check'

/** Names and values that have broken decoders before. */
const oddTexts = [
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  'a/b',
  '+',
  '#',
  '$SYS',
  '\0',
  '',
  ' ',
  '9'.repeat(400),
  'a'.repeat(70_000),
  '\ud800',
  '0x10',
  '1e999',
  '-1',
  '2026-02-30T25:61:61Z',
]
const oddNumbers = [-1, 0, 0.5, 2 ** 31, 2 ** 53, 1e308, -0]

export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...oddTexts),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

const anyScalar = fc.oneof(anyText, fc.constantFrom(...oddNumbers), fc.integer(), fc.boolean(), fc.constant(null))

export const anyJson: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    anyScalar,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(anyText, tie('value')), { maxLength: 5 }).map(entries => Object.fromEntries(entries)),
  ),
})).value

/** What may be done to one place of a right message. */
type Damage =
  | { do: 'replace'; at: number; by: unknown }
  | { do: 'remove'; at: number }
  | { do: 'add'; at: number; name: string; value: unknown }
  | { do: 'nest'; at: number; levels: number }

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ do: fc.constant('replace' as const), at: fc.nat(), by: anyJson }),
  fc.record({ do: fc.constant('remove' as const), at: fc.nat() }),
  fc.record({ do: fc.constant('add' as const), at: fc.nat(), name: anyText, value: anyJson }),
  fc.record({ do: fc.constant('nest' as const), at: fc.nat(), levels: fc.constantFrom(2, 70, 300) }),
)

/** One of `samples`, with up to four things wrong. */
export function damaged(samples: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(damage, { maxLength: 4 }))
    .map(([sample, damages]) => damages.reduce(apply, structuredClone(sample)))
}

/** Text with some of its characters gone, changed or doubled. */
export function damagedText(samples: readonly string[]): fc.Arbitrary<string> {
  const cut = fc.tuple(fc.nat(), fc.nat({ max: 12 }), anyText)
  return fc.tuple(fc.constantFrom(...samples), fc.array(cut, { maxLength: 3 })).map(([sample, cuts]) =>
    cuts.reduce((text, [at, length, by]) => {
      const start = text.length === 0 ? 0 : at % text.length
      return text.slice(0, start) + by + text.slice(start + length)
    }, sample),
  )
}

/** Bytes with some of them changed, gone or doubled. */
export function damagedBytes(samples: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const cut = fc.tuple(fc.nat(), fc.nat({ max: 12 }), fc.uint8Array({ maxLength: 8 }))
  return fc.tuple(fc.constantFrom(...samples), fc.array(cut, { maxLength: 3 })).map(([sample, cuts]) =>
    cuts.reduce((bytes, [at, length, by]) => {
      const start = bytes.length === 0 ? 0 : at % bytes.length
      return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(start + length)])
    }, Buffer.from(sample)),
  )
}

/** Takes a copy of the change: fast-check builds a value more than once from the same parts. */
function apply(whole: unknown, original: Damage): unknown {
  const change = structuredClone(original)
  const places = [...placesOf(whole)]
  const place = places[change.at % Math.max(1, places.length)]
  if (place === undefined) return change.do === 'replace' ? change.by : whole
  const { holder, key } = place
  if (change.do === 'replace') holder[key] = change.by
  if (change.do === 'remove') delete holder[key]
  if (change.do === 'add') add(holder, change)
  if (change.do === 'nest') holder[key] = nested(holder[key], change.levels)
  return whole
}

/** As JSON.parse does it, `__proto__` included. A list takes no names, and its `length` none of our values. */
function add(holder: Record<string, unknown>, { name, value }: { name: string; value: unknown }): void {
  if (Array.isArray(holder)) holder.push(value)
  else Object.defineProperty(holder, name, { value, enumerable: true, writable: true, configurable: true })
}

function nested(value: unknown, levels: number): unknown {
  let inner = value
  for (let level = 0; level < levels; level++) inner = level % 2 === 0 ? [inner] : { x: inner }
  return inner
}

interface Place {
  holder: Record<string, unknown>
  key: string
}

function* placesOf(value: unknown): Generator<Place> {
  const waiting: unknown[] = [value]
  // Not recursive: a message may have been nested deeply by the damage before.
  for (let holder = waiting.pop(); holder !== undefined; holder = waiting.pop()) {
    if (typeof holder !== 'object' || holder === null) continue
    for (const key of Object.keys(holder)) {
      yield { holder: holder as Record<string, unknown>, key }
      waiting.push((holder as Record<string, unknown>)[key] ?? null)
    }
  }
}
