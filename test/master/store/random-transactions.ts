/** Random transactions against a model of twenty lines: an engine must agree with it on every answer. */
import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import fc from 'fast-check'
import { hasCode } from '../../../kit/errors.ts'
import type { Operation, Store } from '../../../master/store/store.ts'
import { eventually } from '../../kit/eventually.ts'
import { follow } from './harness.ts'

/** `reopen`, where an engine keeps anything: closes the store and opens it anew. */
export interface Subject {
  store: Store
  reopen?: () => Promise<Store>
  remove: () => Promise<void>
}

interface Model {
  revision: number
  entries: Map<string, { value: object; revision: number }>
}

type Guess = 'none' | 'right' | 'absent' | 'wrong'
interface Draft {
  type: Operation['type']
  key: string
  value: number
  guess: Guess
}
type Move = { type: 'commit'; durable: boolean; drafts: Draft[] } | { type: 'reopen' }

const draft: fc.Arbitrary<Draft> = fc.record({
  type: fc.constantFrom('put', 'put', 'delete', 'check'),
  key: fc.constantFrom('a', 'b/1', 'b/2', 'b-', 'c'),
  value: fc.nat(9),
  guess: fc.constantFrom<Guess[]>('none', 'none', 'right', 'right', 'absent', 'wrong'),
})
const drafts = fc.uniqueArray(draft, { maxLength: 4, selector: ({ key }) => key })
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: fc.constant('commit' as const), durable: fc.boolean(), drafts }) },
  { weight: 1, arbitrary: fc.constant<Move>({ type: 'reopen' }) },
)

export function testAgainstModel(make: () => Promise<Subject>): void {
  test('random transactions end as the model says, and a watcher can tell the whole story', async t => {
    const property = fc.asyncProperty(fc.array(move, { maxLength: 30 }), async moves => {
      const subject = await make()
      try {
        await play(subject, moves)
      } finally {
        await subject.remove()
      }
    })
    await t.notThrowsAsync(fc.assert(property, { numRuns: 40, includeErrorInReport: true }))
  })
}

/** Throws at the first difference. */
async function play(subject: Subject, moves: Move[]): Promise<void> {
  const model: Model = { revision: 0, entries: new Map() }
  let { store } = subject
  for (const step of moves) {
    if (step.type === 'reopen') store = (await subject.reopen?.()) ?? store
    else await commit(store, model, step)
    same('the revision', store.revision, model.revision)
    const { entries } = await store.list('')
    const expected = [...model.entries].map(([key, entry]) => ({ key, ...entry }))
    same(
      'the list',
      entries,
      expected.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    )
  }
  await replay(store, model)
}

async function commit(store: Store, model: Model, step: Move & { type: 'commit' }): Promise<void> {
  const operations = step.drafts.map(one => toOperation(one, model))
  const expected = apply(model, operations)
  const result = await store.commit(operations, { durable: step.durable }).catch(error => {
    if (!hasCode(error, 'Conflict')) throw error
    return 'Conflict'
  })
  same('the answer', result, expected)
}

function toOperation({ type, key, value, guess }: Draft, model: Model): Operation {
  const actual = model.entries.get(key)?.revision ?? 0
  const expected = { none: undefined, right: actual, absent: 0, wrong: actual + 1 }[guess]
  if (type === 'check') return { type, key, expected: expected ?? actual }
  const guard = expected === undefined ? {} : { expected }
  return type === 'put' ? { type, key, value: { value }, ...guard } : { type, key, ...guard }
}

/** What the store should do, done to the model. */
function apply(model: Model, operations: Operation[]): number | 'Conflict' {
  const revisionOf = (key: string): number => model.entries.get(key)?.revision ?? 0
  if (operations.some(({ key, expected }) => expected !== undefined && expected !== revisionOf(key))) return 'Conflict'
  const changes = operations.filter(({ type, key }) => type === 'put' || (type === 'delete' && model.entries.has(key)))
  if (changes.length === 0) return model.revision
  model.revision += 1
  for (const change of changes) {
    if (change.type === 'put') model.entries.set(change.key, { value: change.value, revision: model.revision })
    else model.entries.delete(change.key)
  }
  return model.revision
}

/** Everything from the first revision on, seen by a watcher, adds up to the model. */
async function replay(store: Store, model: Model): Promise<void> {
  const watcher = follow(store.watch('', 0))
  await store.commit([{ type: 'put', key: 'end', value: {} }], { durable: false })
  await eventually('the end', () => watcher.events.at(-1)?.key === 'end')
  const seen = new Map<string, { value: unknown; revision: number }>()
  for (const event of watcher.events.slice(0, -1)) {
    if (event.type === 'put') seen.set(event.key, { value: event.value, revision: event.revision })
    else seen.delete(event.key)
  }
  same('the story', [...seen].sort(), [...model.entries].sort())
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
}
