import { createHmac, createPublicKey } from 'node:crypto'
import test from 'ava'
import { maxSealedPlainBytes, seal, signToken, unseal, verifyToken } from '../../kit/jose.ts'
import { generateKey, publicKeyOf } from '../../kit/x509.ts'

const key = generateKey()
const nowMs = Date.UTC(2030, 0, 1)
const iat = nowMs / 1000
const claims = { iss: 'home', aud: 'flotilla', sub: 'alice', iat, exp: iat + 60 }
const options = { keys: new Map([['one', key]]), iss: 'home', aud: 'flotilla', nowMs }
const refused = { code: 'Unauthorized' } as object

test('a token comes back as its claims, until its time is over', async t => {
  const token = await signToken({ kid: 'one', key }, { ...claims, pod: { uid: 'u' } })
  t.deepEqual(await verifyToken(token, options), { ...claims, pod: { uid: 'u' } })
  const publicOnly = createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string
  t.is((await verifyToken(token, { ...options, keys: new Map([['one', publicOnly]]) })).sub, 'alice')
  await t.throwsAsync(verifyToken(token, { ...options, nowMs: nowMs + 61_000 }), { code: 'Expired' } as object)
})

test('a token for somebody else, from somebody else, or by an unknown key is refused', async t => {
  const token = await signToken({ kid: 'one', key }, claims)
  await t.throwsAsync(verifyToken(token, { ...options, iss: 'garden' }), refused)
  await t.throwsAsync(verifyToken(token, { ...options, aud: 'other' }), refused)
  await t.throwsAsync(verifyToken(token, { ...options, keys: new Map() }), refused)
  await t.throwsAsync(verifyToken(token, { ...options, keys: new Map([['one', generateKey()]]) }), refused)
  await t.throwsAsync(verifyToken(token.slice(0, -3), options), refused)
  await t.throwsAsync(verifyToken('a'.repeat(5000), options), refused)
  await t.throwsAsync(verifyToken('', options), refused)
})

test('a token that names its own algorithm is refused: none, and the public key as a password', async t => {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const none = `${encode({ alg: 'none', typ: 'JWT', kid: 'one' })}.${encode(claims)}.`
  await t.throwsAsync(verifyToken(none, options), refused)
  const body = `${encode({ alg: 'HS256', typ: 'JWT', kid: 'one' })}.${encode(claims)}`
  const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string
  const hmac = createHmac('sha256', pem).update(body).digest('base64url')
  await t.throwsAsync(verifyToken(`${body}.${hmac}`, options), refused)
})

test('a refusal holds nothing of the token', async t => {
  const token = await signToken({ kid: 'one', key }, claims)
  const error = await t.throwsAsync(verifyToken(token, { ...options, iss: 'garden' }))
  t.false(error?.message.includes(token.split('.')[1]!.slice(0, 12)))
})

test('what is sealed for a key opens with it, under its own name, and with nothing else', async t => {
  const publicKey = publicKeyOf(key)
  const about = 'secrets/default/db'
  const plain = Buffer.from('hunter2')
  const sealed = await seal(plain, { publicKey, about })
  t.deepEqual(await unseal(sealed, { key, about }), plain)
  t.false(sealed.includes('hunter2'))
  const invalid = { code: 'Invalid' } as object
  await t.throwsAsync(unseal(sealed, { key, about: 'secrets/default/other' }), invalid)
  await t.throwsAsync(unseal(sealed, { key: generateKey(), about }), invalid)
  await t.throwsAsync(unseal(`${sealed.slice(0, -4)}AAAA`, { key, about }), invalid)
  await t.throwsAsync(unseal('x.y.z', { key, about }), invalid)
})

test('a large secret can be sealed, one that is too large cannot', async t => {
  const publicKey = publicKeyOf(key)
  const plain = Buffer.alloc(maxSealedPlainBytes, 7)
  t.deepEqual(await unseal(await seal(plain, { publicKey, about: 'x' }), { key, about: 'x' }), plain)
  const tooLarge = Buffer.alloc(maxSealedPlainBytes + 1)
  await t.throwsAsync(seal(tooLarge, { publicKey, about: 'x' }), { code: 'RequestEntityTooLarge' } as object)
})
