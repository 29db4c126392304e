/** The sealed store held to the port over both engines; and what its disk may hold, and what is said when it cannot be read. */
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { openSealedStore, type SealedStore } from '../../../master/store/sealed-store.ts'
import type { Store } from '../../../master/store/store.ts'
import { eventually } from '../../kit/eventually.ts'
import { testStoreConformance } from './conformance.ts'
import { follow, makeDirectory, openLevel, put } from './harness.ts'
import { filesWith, plant, sealedIn } from './planted.ts'
import { testAgainstModel } from './random-transactions.ts'

/** All keys are sealed, so that the exam is of the sealing. */
testStoreConformance(async (t, limits) => sealedIn(await openLevel(t, { limits }), await makeDirectory(t), ''))

testAgainstModel(async () => {
  const ends: Array<() => Promise<unknown>> = []
  const t = { teardown: (end: () => Promise<unknown>) => void ends.push(end) } as unknown as ExecutionContext
  const store = await sealedIn(new MemoryStore(), await makeDirectory(t), '')
  return { store, remove: async () => void (await Promise.all([store.close(), ...ends.map(end => end())])) }
})

interface Bench {
  directory: string
  keysPath: string
  engine: Store
  store: SealedStore
}

async function openBench(t: ExecutionContext, directory?: string): Promise<Bench> {
  const place = directory ?? (await makeDirectory(t))
  const engine = await openLevel(t, { directory: join(place, 'store') })
  return {
    directory: place,
    keysPath: join(place, 'pki', 'secrets.keys'),
    engine,
    store: await sealedIn(engine, place),
  }
}

const key = 'secrets/default/web'

test('a Secret is on the disk in no spelling, and what is no Secret is as it was', async t => {
  const { directory, store, engine } = await openBench(t)
  const { value, spellings } = plant()
  await put(store, key, {
    data: { password: value },
    metadata: { annotations: { applied: JSON.stringify({ value }) } },
  })
  await put(store, 'configmaps/default/web', { data: { open: 'an open word' } })
  await store.commit([{ type: 'delete', key }])
  await put(store, key, { data: { password: Buffer.from(value).toString('base64') } })
  t.deepEqual((await engine.get('configmaps/default/web'))?.value, { data: { open: 'an open word' } })
  await store.close()
  t.deepEqual(await filesWith(directory, ...spellings), [])
  t.true((await filesWith(directory, 'an open word')).length > 0, 'the search finds what is there')
})

test('the keys are for their owner alone, and others are not trusted', async t => {
  const { directory, keysPath, store } = await openBench(t)
  t.is((await stat(keysPath)).mode & 0o777, 0o600)
  t.is((await stat(join(directory, 'pki'))).mode & 0o777, 0o700)
  await store.close()
  await chmod(keysPath, 0o644)
  await t.throwsAsync(openBench(t, directory), { code: 'Forbidden', message: /others may use it .* chmod 600/ })
})

test('equal values are sealed to unequal texts, and each opens in its own place only', async t => {
  const { engine, store } = await openBench(t)
  await store.commit([put_('secrets/default/a'), put_('secrets/default/b')])
  const [a, b] = (await engine.list('secrets/')).entries
  t.notDeepEqual(a!.value, b!.value)
  await engine.commit([{ type: 'put', key: 'secrets/default/a', value: b!.value as object }])
  await t.throwsAsync(store.get('secrets/default/a'), {
    code: 'ServiceUnavailable',
    message: /^cannot read secrets\/default\/a: because what is stored is not what was written there; restore a backup/,
  })
  t.deepEqual((await store.get('secrets/default/b'))?.value, { data: {} })
})

const put_ = (at: string) => ({ type: 'put', key: at, value: { data: {} } }) as const

test('a bit that has changed, or a value that is not sealed, is told and never served', async t => {
  const { engine, store } = await openBench(t)
  const { value, spellings } = plant()
  await put(store, key, { data: { value } })
  const sealed = (await engine.get(key))!.value as { sealed: { text: string } }
  const text = Buffer.from(sealed.sealed.text, 'base64')
  text[3]! ^= 1
  const broken = [
    { sealed: { ...sealed.sealed, text: text.toString('base64') } },
    { sealed: { ...sealed.sealed, text: '' } },
    { sealed: { ...sealed.sealed, nonce: '' } },
    { sealed: 'x' },
    { data: { value } },
  ]
  for (const record of broken) {
    await engine.commit([{ type: 'put', key, value: record }])
    const watch = follow(store.watch('', 1))
    const errors = [await store.get(key).catch(error => error), await store.list('').catch(error => error)]
    for (const error of [...errors, await watch.ended]) {
      t.is(error.code, 'ServiceUnavailable')
      t.regex(error.message, /^cannot read secrets\/default\/web: because .*; restore a backup/)
      t.false(spellings.some(spelling => `${error.message}${error.cause}`.includes(spelling)))
    }
  }
})

test('without the keys the store does not open, and no new ones are made over what they belong to', async t => {
  const { directory, keysPath, store } = await openBench(t)
  await put(store, key, {})
  const keys = await readFile(keysPath)
  await store.close()
  await rm(keysPath)
  const message = new RegExp(`${keysPath} is missing, .* restore it from its backup`)
  await t.throwsAsync(openBench(t, directory), { code: 'ServiceUnavailable', message })
  await t.throwsAsync(stat(keysPath), { code: 'ENOENT' })
  await writeFile(keysPath, keys)
})

test('the keys of another cluster open nothing, and the message says which key is missing from which file', async t => {
  const [{ store, engine }, other] = [await openBench(t), await openBench(t)]
  await put(store, key, {})
  const foreign = await sealedIn(engine, other.directory)
  const id = JSON.parse(await readFile(join(other.directory, 'pki/secrets.keys'), 'utf8')).current
  const error = await t.throwsAsync(foreign.get(key), { code: 'ServiceUnavailable' })
  t.regex(
    error!.message,
    /^cannot read secrets\/default\/web: because it is encrypted with the key [0-9a-f]{8}, which is not in /,
  )
  t.false(error!.message.includes(id))
})

test('a damaged file of keys is told without a byte of it', async t => {
  const { directory, keysPath, store } = await openBench(t)
  await store.close()
  const whole = await readFile(keysPath, 'utf8')
  const { keys } = JSON.parse(whole) as { keys: Array<{ key: string }> }
  const cases = ['', 'null', whole.slice(0, -20), `${keys[0]!.key}`, whole.replace(keys[0]!.key, 'AAAA'), '{"keys":[]}']
  for (const text of cases) {
    await writeFile(keysPath, text)
    const error = await t.throwsAsync(openBench(t, directory), { code: 'ServiceUnavailable' })
    t.is(
      error!.message,
      `cannot read the keys of secrets in ${keysPath}: because it is damaged; restore it from its backup`,
    )
    t.false(String(error!.cause).includes(keys[0]!.key.slice(0, 6)))
  }
})

test('a store that had no keys yet opens with new ones, and keeps what it holds', async t => {
  const directory = await makeDirectory(t)
  const plain = await openLevel(t, { directory: join(directory, 'store') })
  await put(plain, 'pods/default/web', { a: 1 })
  await plain.close()
  const { store } = await openBench(t, directory)
  t.deepEqual((await store.get('pods/default/web'))?.value, { a: 1 })
  await put(store, key, { b: 1 })
  const watch = follow(store.watch('', 1))
  await eventually('the Secret', () => watch.events.length === 1)
  t.deepEqual(watch.events[0], { type: 'put', key, revision: 2, value: { b: 1 } })
})

test('a key that has sealed very much asks to be rotated', async t => {
  const directory = await makeDirectory(t)
  const said: string[] = []
  const log = { ...silentLog, warn: (message: string) => void said.push(message) }
  const keysPath = join(directory, 'pki/secrets.keys')
  const old = new MemoryStore()
  Object.defineProperty(old, 'revision', { get: () => 2 ** 31 + 1 })
  await openSealedStore({ store: old, keysPath, clock: systemClock, log })
  await openSealedStore({ store: new MemoryStore(), keysPath, clock: systemClock, log })
  t.deepEqual(said, ['the secrets key has sealed much: rotate it'])
})
