/** A new key for the secrets of a running store: nothing is lost, whoever writes meanwhile wins, and no crash leaves it half done. */
import { mkdir, readFile, rename, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { openSealedStore, type SealedStore } from '../../../master/store/sealed-store.ts'
import type { Sealed } from '../../../master/store/sealing.ts'
import type { Store } from '../../../master/store/store.ts'
import { eventually } from '../../kit/eventually.ts'
import { follow, makeDirectory, openLevel, put } from './harness.ts'
import { filesWith } from './planted.ts'

interface Bench {
  directory: string
  keysPath: string
  engine: Store
  store: SealedStore
}

/** `wrap` stands between the sealing and the engine. */
async function openBench(
  t: ExecutionContext,
  { directory, wrap = store => store }: { directory?: string; wrap?: (store: Store) => Store } = {},
): Promise<Bench> {
  const place = directory ?? (await makeDirectory(t))
  const keysPath = join(place, 'pki', 'secrets.keys')
  const engine = await openLevel(t, { directory: join(place, 'store') })
  const store = await openSealedStore({ store: wrap(engine), keysPath, clock: systemClock, log: silentLog })
  return { directory: place, keysPath, engine, store }
}

async function keyIds(keysPath: string): Promise<string[]> {
  const { keys } = JSON.parse(await readFile(keysPath, 'utf8')) as { keys: Array<{ id: string }> }
  return keys.map(({ id }) => id)
}

/** Ids of the keys that what is stored is sealed with. */
async function usedIds(engine: Store): Promise<string[]> {
  const { entries } = await engine.list('secrets/')
  return [...new Set(entries.map(({ value }) => (value as Sealed).sealed.key))]
}

const count = 120
const keyOf = (index: number): string => `secrets/default/s${String(index).padStart(3, '0')}`

/** Secrets, one that was changed, one that was deleted, and a pod. */
async function fill(store: SealedStore): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => put(store, keyOf(index), { index })))
  await put(store, keyOf(1), { index: 'changed' })
  await put(store, 'secrets/default/gone', { index: 'deleted' })
  await store.commit([{ type: 'delete', key: 'secrets/default/gone' }])
  await put(store, 'pods/default/web', { name: 'web' })
}

async function contents(store: Store): Promise<unknown[]> {
  return (await store.list('')).entries.map(({ key, value }) => [key, value])
}

test('all secrets are sealed with the new key, and of the old one and its texts nothing is left in any file', async t => {
  const { directory, keysPath, engine, store } = await openBench(t)
  await fill(store)
  const [before, [old = '']] = [await contents(store), await keyIds(keysPath)]
  const texts = (await engine.list('secrets/')).entries.map(({ value }) => (value as Sealed).sealed.text.slice(2, 34))
  t.true((await filesWith(directory, old)).length >= 2, 'the search finds what is there')
  t.is(await store.rotateSecretsKey(), count)
  t.deepEqual(await contents(store), before)
  const [fresh = '', ...others] = await keyIds(keysPath)
  t.not(fresh, old)
  t.deepEqual(others, [])
  t.deepEqual(await usedIds(engine), [fresh])
  t.deepEqual(await filesWith(directory, old, ...texts), [])
  await store.close()
  t.deepEqual(await contents((await openBench(t, { directory })).store), before)
})

test('watches that are open go on over a rotation, also with what they had not read yet', async t => {
  const { store } = await openBench(t)
  const slow = store.watch('secrets/', 0)
  await put(store, keyOf(1), { n: 1 })
  await put(store, keyOf(1), { n: 2 })
  await store.rotateSecretsKey()
  await put(store, keyOf(1), { n: 3 })
  const { events } = follow(slow)
  await eventually('all changes', () => events.length === 4)
  t.deepEqual(
    events.map(event => (event.type === 'put' ? [event.value, event.previous] : [])),
    [
      [{ n: 1 }, undefined],
      [{ n: 2 }, { n: 1 }],
      [{ n: 2 }, { n: 2 }],
      [{ n: 3 }, { n: 2 }],
    ],
  )
})

test('whoever writes while the key is rotated wins, and what they write is sealed with the new key', async t => {
  const { engine, store, keysPath } = await openBench(t)
  await fill(store)
  const isRotated = store.rotateSecretsKey()
  const writes = Array.from({ length: count }, (_, index) => put(store, keyOf(index), { index, later: true }))
  await Promise.all([...writes, isRotated])
  const secrets = (await store.list('secrets/')).entries
  t.is(secrets.length, count)
  t.true(secrets.every(({ value }) => (value as { later?: boolean }).later))
  t.deepEqual(await usedIds(engine), await keyIds(keysPath))
})

test('increments by compare-and-set are not lost over rotations', async t => {
  const { store } = await openBench(t)
  await put(store, keyOf(0), { count: 0 })
  const increment = async (): Promise<void> => {
    for (;;) {
      const { value, revision } = (await store.get(keyOf(0)))!
      const next = { count: (value as { count: number }).count + 1 }
      const operation = { type: 'put', key: keyOf(0), value: next, expected: revision } as const
      const isDone = await store.commit([operation]).then(
        () => true,
        () => false,
      )
      if (isDone) return
    }
  }
  await Promise.all([...Array.from({ length: 12 }, increment), store.rotateSecretsKey(), store.rotateSecretsKey()])
  t.deepEqual((await store.get(keyOf(0)))?.value, { count: 12 })
})

test('who asks while a rotation is under way gets that one; a later one makes a key of its own', async t => {
  const { store, keysPath } = await openBench(t)
  await put(store, keyOf(0))
  const [first, second] = [store.rotateSecretsKey(), store.rotateSecretsKey()]
  t.deepEqual(await Promise.all([first, second]), [1, 1])
  const [id] = await keyIds(keysPath)
  await store.rotateSecretsKey()
  t.notDeepEqual(await keyIds(keysPath), [id])
})

/** Refuses everything from its `failing`-th change on, as if the process had died there. `early`: before that is done. */
function dying(store: Store, { failing, early }: { failing: number; early: boolean }): Store {
  let changes = 0
  const guard = async <T>(change: () => Promise<T>): Promise<T> => {
    const number = changes++
    if (number > failing || (early && number === failing)) throw new Error('the power is off')
    const result = await change()
    if (number === failing) throw new Error('the power is off')
    return result
  }
  return {
    get revision() {
      return store.revision
    },
    epoch: store.epoch,
    get: key => store.get(key),
    list: (prefix, options) => store.list(prefix, options),
    watch: (prefix, from) => store.watch(prefix, from),
    commit: (operations, options) => guard(() => store.commit(operations, options)),
    forgetHistory: () => guard(() => store.forgetHistory()),
    close: () => store.close(),
  }
}

/** 120 commits and the history: some of the first, the middle, the last, and the very end. */
for (const failing of [0, 1, 49, 50, 77, 119, 120]) {
  for (const early of [true, false]) {
    const when = `${early ? 'before' : 'after'} change ${failing}`
    test(`a rotation that ends ${when} is finished at the next start, and nothing is lost`, async t => {
      const { directory, keysPath, store } = await openBench(t)
      await fill(store)
      const [before, [old = '']] = [await contents(store), await keyIds(keysPath)]
      await store.close()
      const cut = await openBench(t, { directory, wrap: engine => dying(engine, { failing, early }) })
      await t.throwsAsync(cut.store.rotateSecretsKey(), { message: 'the power is off' })
      t.deepEqual(await contents(cut.store), before, 'what is half done can be read')
      t.is((await keyIds(keysPath)).length, 2)
      await cut.store.close()
      const { store: next, engine } = await openBench(t, { directory })
      t.deepEqual(await contents(next), before)
      const ids = await keyIds(keysPath)
      t.is(ids.length, 1)
      t.false(ids.includes(old))
      t.deepEqual(await usedIds(engine), ids)
      t.deepEqual(await filesWith(directory, old), [])
    })
  }
}

/** A directory cannot be replaced by a file. */
async function obstruct(path: string): Promise<void> {
  await rename(path, `${path}.aside`)
  await mkdir(path)
}

async function clearWay(path: string): Promise<void> {
  await rmdir(path)
  await rename(`${path}.aside`, path)
}

test('a rotation whose new key cannot be kept changes nothing, and the next one does', async t => {
  const { directory, keysPath, engine, store } = await openBench(t)
  await fill(store)
  const [before, ids] = [await contents(engine), await keyIds(keysPath)]
  await obstruct(keysPath)
  await t.throwsAsync(store.rotateSecretsKey(), { code: 'ServiceUnavailable', message: /cannot write .*secrets\.keys/ })
  await clearWay(keysPath)
  t.deepEqual(await contents(engine), before)
  t.deepEqual(await keyIds(keysPath), ids)
  t.is(await store.rotateSecretsKey(), count)
  t.deepEqual(await filesWith(directory, ids[0]!), [])
})

test('an old key that cannot be let go of is let go of by the next rotation, without a third key', async t => {
  const { keysPath, engine, store } = await openBench(t, {
    wrap: inner => ({
      ...dying(inner, { failing: Number.POSITIVE_INFINITY, early: true }),
      get revision() {
        return inner.revision
      },
      forgetHistory: async () => {
        await inner.forgetHistory()
        await obstruct(keysPath)
      },
    }),
  })
  await fill(store)
  await t.throwsAsync(store.rotateSecretsKey(), { code: 'ServiceUnavailable' })
  await clearWay(keysPath)
  t.is((await keyIds(keysPath)).length, 2)
  await t.throwsAsync(store.rotateSecretsKey(), { code: 'ServiceUnavailable' })
  await clearWay(keysPath)
  t.is((await keyIds(keysPath)).length, 2)
  t.deepEqual((await keyIds(keysPath)).slice(0, 1), await usedIds(engine))
})

test('one secret that cannot be read keeps the old key, and the message names it', async t => {
  const { keysPath, engine, store } = await openBench(t)
  await fill(store)
  const value = (await engine.get(keyOf(1)))!.value as object
  await engine.commit([{ type: 'put', key: keyOf(7), value }])
  await t.throwsAsync(store.rotateSecretsKey(), {
    code: 'ServiceUnavailable',
    message: /cannot read secrets\/default\/s007/,
  })
  t.is((await keyIds(keysPath)).length, 2)
  await store.commit([{ type: 'delete', key: keyOf(7) }])
  await store.rotateSecretsKey()
  t.is((await keyIds(keysPath)).length, 1)
})
