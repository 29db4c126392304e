/** What every Store must do, as macros: engines are interchangeable because each of them passes this. */
import test, { type ExecutionContext } from 'ava'
import type { Store, StoreEvent, Watch } from '../../../master/store/store.ts'
import { eventually } from '../../kit/eventually.ts'

/** Small enough for a test to reach. */
const tinyLimits = { logRevisions: 8, watchBacklog: 6 }

export interface ConformanceLimits {
  logRevisions: number
  watchBacklog: number
}

/** `open` makes an empty store with these limits, and removes its traces at the end of the test. */
export function testStoreConformance(open: (t: ExecutionContext, limits: ConformanceLimits) => Promise<Store>): void {
  for (const [title, proof] of Object.entries(proofs)) {
    test(title, async t => {
      const store = await open(t, tinyLimits)
      await proof(t, store).finally(() => store.close())
    })
  }
}

const put = (key: string, value: object = {}, expected?: number) =>
  ({ type: 'put', key, value, ...(expected !== undefined && { expected }) }) as const

/** `put a@3`, `delete b@4 …` when more of the same commit follows. */
const tell = ({ type, key, revision, more }: StoreEvent): string => `${type} ${key}@${revision}${more ? ' …' : ''}`

/** Collects what a watch says, until it ends. */
function collect(watch: Watch): { seen: string[]; events: StoreEvent[]; ended: Promise<unknown> } {
  const [seen, events]: [string[], StoreEvent[]] = [[], []]
  const read = async (): Promise<void> => {
    for await (const event of watch) {
      events.push(event)
      seen.push(tell(event))
    }
  }
  return {
    seen,
    events,
    ended: read().then(
      () => 'end',
      (error: unknown) => error,
    ),
  }
}

const proofs: Record<string, (t: ExecutionContext, store: Store) => Promise<void>> = {
  'a new store is empty and at revision 0': async (t, store) => {
    t.is(store.revision, 0)
    t.deepEqual(await store.list(''), { revision: 0, entries: [] })
    t.is(await store.get('a'), undefined)
    t.true(store.epoch >= 1)
  },

  'each commit that changes something gets the next revision, and what it put carries it': async (t, store) => {
    t.is(await store.commit([put('a', { n: 1 })]), 1)
    t.is(await store.commit([put('b', { n: 2 }), put('c')]), 2)
    t.deepEqual(await store.get('a'), { key: 'a', value: { n: 1 }, revision: 1 })
    t.is((await store.get('b'))?.revision, 2)
    t.is((await store.get('c'))?.revision, 2)
    t.is(store.revision, 2)
  },

  'a commit that changes nothing gets no revision of its own': async (t, store) => {
    await store.commit([put('a')])
    t.is(await store.commit([{ type: 'delete', key: 'absent' }]), 1)
    t.is(await store.commit([{ type: 'check', key: 'a', expected: 1 }]), 1)
    t.is(await store.commit([]), 1)
    t.is(store.revision, 1)
  },

  'what was committed does not change when the caller changes its object, nor when a reader does': async (t, store) => {
    const value = { labels: { app: 'web' } }
    const watch = collect(store.watch('', 0))
    const committed = store.commit([put('a', value)])
    value.labels.app = 'changed'
    await committed
    const read = (await store.get('a'))!
    ;(read.value as typeof value).labels.app = 'changed too'
    t.deepEqual((await store.get('a'))?.value, { labels: { app: 'web' } })
    await eventually('the event', () => watch.events.length === 1)
    t.deepEqual(watch.events[0], { type: 'put', key: 'a', revision: 1, value: { labels: { app: 'web' } } })
  },

  'expected revisions: 0 means absent, any other the very version': async (t, store) => {
    await store.commit([put('a', {}, 0)])
    await t.throwsAsync(store.commit([put('a', {}, 0)]), { code: 'Conflict', message: /a: because it exists already/ })
    await store.commit([put('a', {}, 1)])
    await t.throwsAsync(store.commit([put('a', {}, 1)]), { code: 'Conflict', message: /it is at 2, not at 1/ })
    await t.throwsAsync(store.commit([{ type: 'delete', key: 'a', expected: 1 }]), { code: 'Conflict' })
    await t.throwsAsync(store.commit([put('b', {}, 1)]), { code: 'Conflict', message: /b: because it does not exist/ })
    await store.commit([{ type: 'delete', key: 'a', expected: 2 }])
    t.is(await store.get('a'), undefined)
    await store.commit([put('a', {}, 0)])
    t.is(store.revision, 4)
  },

  'a commit is done whole or not at all': async (t, store) => {
    await store.commit([put('a')])
    const half = [put('b'), { type: 'delete', key: 'a' } as const, { type: 'check', key: 'c', expected: 7 } as const]
    await t.throwsAsync(store.commit(half), { code: 'Conflict' })
    t.truthy(await store.get('a'))
    t.is(await store.get('b'), undefined)
    t.is(store.revision, 1)
  },

  'a commit that names a key twice, or no key, is refused': async (t, store) => {
    await t.throwsAsync(store.commit([put('a'), put('a')]), { code: 'BadRequest' })
    await t.throwsAsync(store.commit([put('')]), { code: 'BadRequest' })
  },

  'a value or a transaction that is too large is refused': async (t, store) => {
    const large = { text: 'x'.repeat(2 * 1024 * 1024) }
    await t.throwsAsync(store.commit([put('a', large)]), { code: 'RequestEntityTooLarge' })
    const many = Array.from({ length: 1001 }, (_, index) => put(`k${index}`))
    await t.throwsAsync(store.commit(many), { code: 'RequestEntityTooLarge' })
    t.is(store.revision, 0)
  },

  'of many that create one key at once, one succeeds': async (t, store) => {
    const tries = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => store.commit([put('a', { n }, 0)])))
    t.is(tries.filter(({ status }) => status === 'fulfilled').length, 1)
    t.deepEqual((await store.get('a'))?.value, { n: 0 })
    t.is(store.revision, 1)
  },

  'increments by compare-and-set are never lost': async (t, store) => {
    await store.commit([put('n', { count: 0 })])
    const increment = async (): Promise<void> => {
      for (;;) {
        const { value, revision } = (await store.get('n'))!
        const next = { count: (value as { count: number }).count + 1 }
        try {
          await store.commit([put('n', next, revision)], { durable: next.count % 2 === 0 })
          return
        } catch {
          // Somebody else was faster: once more.
        }
      }
    }
    await Promise.all(Array.from({ length: 12 }, increment))
    t.deepEqual(await store.get('n'), { key: 'n', value: { count: 12 }, revision: 13 })
  },

  'a list holds what has the prefix, in the order of bytes': async (t, store) => {
    for (const key of [
      'pods/b/1',
      'pods/a/2',
      'pods/a/10',
      'podsx/1',
      'nodes/é',
      'nodes/z',
      'nodes/\u{1f600}',
      'nodes/\uffee',
    ])
      await store.commit([put(key)])
    const keys = async (prefix: string) => (await store.list(prefix)).entries.map(entry => entry.key)
    t.deepEqual(await keys('pods/'), ['pods/a/10', 'pods/a/2', 'pods/b/1'])
    t.deepEqual(await keys('pods/a/'), ['pods/a/10', 'pods/a/2'])
    t.deepEqual(await keys('nodes/'), ['nodes/z', 'nodes/é', 'nodes/\uffee', 'nodes/\u{1f600}'])
    t.is((await keys('')).length, 8)
    t.deepEqual(await keys('none/'), [])
  },

  'pages follow each other without a gap, and the last one says that it is': async (t, store) => {
    await store.commit(Array.from({ length: 7 }, (_, index) => put(`a/${index}`)))
    await store.commit([put('b/0')])
    const pages: string[][] = []
    let after: string | undefined
    do {
      const page = await store.list('a/', { limit: 3, ...(after !== undefined && { after }) })
      t.is(page.revision, 2)
      pages.push(page.entries.map(entry => entry.key))
      after = page.next
    } while (after !== undefined)
    t.deepEqual(pages, [['a/0', 'a/1', 'a/2'], ['a/3', 'a/4', 'a/5'], ['a/6']])
    t.is((await store.list('a/', { limit: 7 })).next, undefined)
  },

  'a watch from now tells each change once, in order, with what was there before': async (t, store) => {
    await store.commit([put('a', { n: 1 })])
    const { seen, events } = collect(store.watch('', store.revision))
    await store.commit([put('a', { n: 2 })])
    await store.commit([put('b')], { durable: false })
    await store.commit([{ type: 'delete', key: 'a' }])
    await eventually('three changes', () => seen.length === 3)
    t.deepEqual(seen, ['put a@2', 'put b@3', 'delete a@4'])
    t.deepEqual(events[0], { type: 'put', key: 'a', revision: 2, value: { n: 2 }, previous: { n: 1 } })
    t.false('previous' in events[1]!)
    t.deepEqual(events[2], { type: 'delete', key: 'a', revision: 4, previous: { n: 2 } })
  },

  'a watch sees its prefix only, and all of a commit but its last event is marked': async (t, store) => {
    const { seen } = collect(store.watch('a/', 0))
    await store.commit([put('a/1'), put('b/1'), put('a/2'), put('b/2')])
    await store.commit([put('b/3')])
    await store.commit([put('a/3')])
    await eventually('three changes', () => seen.length === 3)
    t.deepEqual(seen, ['put a/1@1 …', 'put a/2@1', 'put a/3@3'])
  },

  'a watch from the past goes over into the present without a gap or a repeat': async (t, store) => {
    await store.commit([put('a'), put('b')])
    await store.commit([{ type: 'delete', key: 'b' }])
    const all = collect(store.watch('', 0))
    const some = collect(store.watch('', 1))
    const ahead = store.commit([put('c')])
    const later = collect(store.watch('', 2))
    await ahead
    await store.commit([put('d')])
    await eventually('the last change', () => [all, some, later].every(({ seen }) => seen.at(-1) === 'put d@4'))
    t.deepEqual(some.seen, ['delete b@2', 'put c@3', 'put d@4'])
    t.deepEqual(later.seen, ['put c@3', 'put d@4'])
    // A key that was changed again may be told of once.
    t.deepEqual(
      all.seen.filter(line => !line.includes(' b@1')).map(line => line.replace(' …', '')),
      ['put a@1', 'delete b@2', 'put c@3', 'put d@4'],
    )
  },

  'a watch from before the oldest change that is remembered has expired': async (t, store) => {
    for (let n = 0; n < 40; n++) await store.commit([put('a', { n })])
    const old = await eventually('compaction', async () => {
      const watch = store.watch('', 3)
      const refusal = await watch[Symbol.asyncIterator]()
        .next()
        .then(() => undefined)
        .catch((error: unknown) => error)
      watch.close()
      return refusal
    })
    t.like(old, { code: 'Expired' })
    const { seen } = collect(store.watch('', 40 - tinyLimits.logRevisions))
    await eventually('the newest change', () => seen.includes('put a@40'))
  },

  'history that is forgotten has expired, and what is under way goes on': async (t, store) => {
    await store.commit([put('a'), put('b')])
    await store.commit([{ type: 'delete', key: 'a' }])
    const open = collect(store.watch('', 2))
    await store.forgetHistory()
    await store.forgetHistory()
    t.like(await collect(store.watch('', 1)).ended, { code: 'Expired' })
    const since = collect(store.watch('', 2))
    await store.commit([put('c')])
    await eventually('the next change', () => [open, since].every(({ seen }) => seen.includes('put c@3')))
    t.deepEqual(
      (await store.list('')).entries.map(({ key }) => key),
      ['b', 'c'],
    )
  },

  'a watch from the future has expired: it comes from another store': async (t, store) => {
    await store.commit([put('a')])
    t.like(await collect(store.watch('', 99)).ended, { code: 'Expired' })
  },

  'a watcher that does not read falls behind and is told to list anew': async (t, store) => {
    const watch = store.watch('', 0)
    for (let n = 0; n <= tinyLimits.watchBacklog; n++) await store.commit([put('a', { n })])
    const { seen, ended } = collect(watch)
    t.like(await ended, { code: 'Expired' })
    t.deepEqual(seen, [])
  },

  'a watch that is closed ends, and so does one whose reader leaves': async (t, store) => {
    const watch = store.watch('', 0)
    const { ended } = collect(watch)
    await store.commit([put('a')])
    watch.close()
    watch.close()
    t.is(await ended, 'end')
    for await (const event of store.watch('', 0)) {
      t.is(tell(event), 'put a@1')
      break
    }
  },

  'what readers of a page watch from brings them to the present': async (t, store) => {
    const writes = Array.from({ length: 30 }, (_, n) => store.commit([put(`k${n}`)], { durable: n % 3 === 0 }))
    const { revision, entries } = await store.list('')
    const known = new Set(entries.map(entry => entry.key))
    const watch = store.watch('', revision)
    await Promise.all(writes.slice(0, 4))
    const reading = (async () => {
      if (known.size === 30) return 'complete'
      for await (const event of watch) {
        t.false(known.has(event.key), `${event.key} comes twice`)
        known.add(event.key)
        if (known.size === 30) return 'complete'
      }
      return 'ended early'
    })()
    const outcome = await reading.catch((error: unknown) => error)
    // With so small a backlog falling behind is a right answer too; missing a key is not.
    t.true(outcome === 'complete' || (outcome as { code?: string }).code === 'Expired')
    await Promise.all(writes)
  },

  'a closed store ends its watches and refuses everything else': async (t, store) => {
    const { ended } = collect(store.watch('', 0))
    const last = store.commit([put('a')])
    await Promise.all([last, store.close()])
    await store.close()
    t.is(await ended, 'end')
    t.is(await collect(store.watch('', 0)).ended, 'end')
    for (const use of [store.get('a'), store.list(''), store.commit([put('b')]), store.forgetHistory()]) {
      await t.throwsAsync(use, { code: 'ServiceUnavailable' })
    }
  },
}
