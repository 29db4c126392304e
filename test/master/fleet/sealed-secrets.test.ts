/** What is sealed for whom, and when again. */
import test from 'ava'
import type { Secret } from '../../../contract/resources/core.ts'
import type { NodeIdentity } from '../../../contract/resources/trust.ts'
import type { SecretContents } from '../../../contract/wire/fleet.ts'
import { unseal } from '../../../kit/jose.ts'
import { createLog, silentLog } from '../../../kit/log.ts'
import { SealedSecrets } from '../../../master/fleet/sealed-secrets.ts'
import { makeIdentity } from './rig.ts'

function makeSecret(fields: Partial<Secret> = {}, metadata: object = {}): Secret {
  const named = { name: 'password', namespace: 'shop', uid: 'u1', resourceVersion: '7', ...metadata }
  return { apiVersion: 'v1', kind: 'Secret', metadata: named, type: 'Opaque', data: { a: 'aHVudGVyMg==' }, ...fields }
}

const document = 'secrets/shop/password'

test('a secret is sealed for the one node, with its place and its version, and about itself', async t => {
  const { identity, key } = makeIdentity('board-1')
  const [other, sealed] = [makeIdentity('board-2'), new SealedSecrets(silentLog)]
  const wish = (await sealed.sealFor({ node: 'board-1', identity, secrets: [makeSecret()] })).get(document)!
  const metadata = { namespace: 'shop', name: 'password', uid: 'u1', resourceVersion: '7' }
  t.deepEqual(wish.metadata, metadata)
  const contents = JSON.parse((await unseal(wish.sealed, { key, about: document })).toString()) as SecretContents
  t.deepEqual(contents, { metadata, type: 'Opaque', data: { a: 'aHVudGVyMg==' } })
  await t.throwsAsync(unseal(wish.sealed, { key: other.key, about: document }), { code: 'Invalid' })
  await t.throwsAsync(unseal(wish.sealed, { key, about: 'secrets/shop/other' }), { code: 'Invalid' })
})

test('it is sealed again when its contents or the node’s key change, and at nothing else', async t => {
  const { identity } = makeIdentity('board-1')
  const sealed = new SealedSecrets(silentLog)
  const ask = async (secret: Secret, by = identity) =>
    (await sealed.sealFor({ node: 'board-1', identity: by, secrets: [secret] })).get(document)
  const first = await ask(makeSecret())
  const labels = { labels: { a: 'b' }, resourceVersion: '9' }
  t.deepEqual(await ask(makeSecret({}, labels)), first, 'nor when a new key of the store has moved its version on')
  const renewed = { ...identity, status: { serialNumber: '5' } }
  t.deepEqual(await ask(makeSecret(), renewed), first)
  const changed = await ask(makeSecret({ data: { a: 'YQ==' } }, { resourceVersion: '10' }))
  t.notDeepEqual(changed, first)
  const born = await ask(makeSecret({ data: { a: 'YQ==' } }, { resourceVersion: '11', uid: 'u2' }))
  t.notDeepEqual(born?.sealed, changed?.sealed)
  const rejoined = await ask(
    makeSecret({ data: { a: 'YQ==' } }, { resourceVersion: '11', uid: 'u2' }),
    makeIdentity('x').identity,
  )
  t.notDeepEqual(rejoined?.sealed, born?.sealed)
  t.deepEqual(rejoined?.metadata, born?.metadata)
})

test('a node without a key, or one that is cut off, gets none', async t => {
  const sealed = new SealedSecrets(silentLog)
  const { identity } = makeIdentity('board-1')
  const ask = (by: NodeIdentity | undefined) =>
    sealed.sealFor({ node: 'board-1', identity: by, secrets: [makeSecret()] })
  t.is((await ask(undefined)).size, 0)
  t.is((await ask(identity)).size, 1)
  t.is((await ask({ ...identity, spec: { ...identity.spec, revoked: true } })).size, 0)
})

test('what a wish no longer holds is forgotten', async t => {
  const sealed = new SealedSecrets(silentLog)
  const { identity } = makeIdentity('board-1')
  const ask = async (secrets: Secret[]) =>
    (await sealed.sealFor({ node: 'board-1', identity, secrets })).get(document)?.sealed
  const first = await ask([makeSecret()])
  t.is(await ask([makeSecret()]), first)
  t.is(await ask([]), undefined)
  const second = await ask([makeSecret()])
  t.not(second, first)
  sealed.forget('board-1')
  t.not(await ask([makeSecret()]), second)
})

test('one that cannot be sealed is told once, without what it holds, and holds up no other', async t => {
  const said: string[] = []
  const sealed = new SealedSecrets(createLog({ level: 'debug', write: line => said.push(line) }))
  const { identity } = makeIdentity('board-1')
  const large = makeSecret({ data: { a: 'A'.repeat(1_600_000) } }, { name: 'large' })
  for (let round = 0; round < 3; round++) {
    const found = await sealed.sealFor({ node: 'board-1', identity, secrets: [large, makeSecret()] })
    t.deepEqual([...found.keys()], [document])
  }
  t.is(said.length, 1)
  t.regex(said[0]!, /node=board-1 secret=secrets\/shop\/large reason="cannot seal .* larger than/)
  const broken = { ...identity, spec: { publicKey: 'aGk=' } }
  t.is((await sealed.sealFor({ node: 'board-1', identity: broken, secrets: [makeSecret()] })).size, 0)
  t.false(said.some(line => line.includes('aHVudGVyMg')))
})
