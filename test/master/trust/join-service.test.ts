import { createHash, createPrivateKey, sign } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { JoinToken, NodeIdentity } from '../../../contract/resources/trust.ts'
import { type JoinReply, type JoinRequest, renewalText } from '../../../contract/wire/join.ts'
import { Requester } from '../../../kit/bus/request.ts'
import { CodedError } from '../../../kit/errors.ts'
import { seededRandom } from '../../../kit/random.ts'
import { createCsr, generateKey, isSignedBy, publicKeyOf, readCertificate } from '../../../kit/x509.ts'
import type { JoinService } from '../../../master/trust/join-service.ts'
import { joinTokenKind, nodeIdentityKind } from '../../../master/trust/kinds.ts'
import type { Trust } from '../../../master/trust/trust.ts'
import { dayMs, makeJoinToken, makeRig, type Rig, topics } from './rig.ts'

const secret = 'abcdefghijklmnopqrstuvwxyz'
const tokenText = `abc123.${secret}`
const tokenHash = createHash('sha256').update(tokenText).digest('hex')

interface Joining extends Rig {
  trust: Trust
  service: JoinService
  token(spec?: Partial<JoinToken['spec']>): Promise<void>
  join(name: string, key: string, token?: string): Promise<Joined>
  identity(name: string): Promise<NodeIdentity | undefined>
}

type Joined = Extract<JoinReply, { certificate: string }>

async function open(t: ExecutionContext): Promise<Joining> {
  const rig = await makeRig(t)
  const trust = await rig.open()
  const service = trust.joinService(rig.broker.connect('master'), topics)
  return {
    ...{ ...rig, trust, service },
    token: async spec => {
      await rig.objects.create(makeJoinToken('abc123', { tokenHash, ...spec }))
    },
    join: async (name, key, token = tokenText) => {
      const { csr } = await createCsr({ commonName: 'system:masters', key })
      return (await service.answer({ type: 'join', token, name, csr } satisfies JoinRequest)) as Joined
    },
    identity: name => rig.objects.get<NodeIdentity>(nodeIdentityKind, undefined, name),
  }
}

test('a board asks on its own join topic, and is a node from then on', async t => {
  const rig = await open(t)
  await rig.token()
  await rig.service.start()
  t.teardown(() => rig.service.stop())
  const bus = rig.broker.connect('join-1')
  const requester = new Requester({
    bus,
    repliesTopic: topics.joinReplies('join-1'),
    clock: rig.clock,
    random: seededRandom(7),
  })
  await requester.start()
  const { csr, key } = await createCsr({ commonName: 'anything' })
  const request: JoinRequest = { type: 'join', token: tokenText, name: 'board-1', csr }
  const reply = (await requester.request(topics.joinRequests('join-1'), request, { timeoutMs: 5000 })) as Joined
  t.deepEqual([reply.servers, reply.ca], [['mqtts://10.0.0.1:8883'], rig.trust.authority.certificate])
  t.true(Math.abs(Date.parse(reply.time) - rig.clock.now()) < 10_000)
  t.true(isSignedBy(reply.certificate, reply.ca))
  const facts = readCertificate(reply.certificate)
  t.like(facts, {
    commonName: 'system:node:board-1',
    organizations: ['system:nodes'],
    publicKey: publicKeyOf(key).toString('base64'),
  })
  const identity = await rig.identity('board-1')
  t.like(identity, { spec: { publicKey: facts.publicKey }, status: { serialNumber: facts.serialNumber } })
  const token = await rig.objects.get<JoinToken>(joinTokenKind, undefined, 'abc123')
  t.deepEqual(
    token?.status?.used?.map(({ nodeName }) => nodeName),
    ['board-1'],
  )
  t.is(token?.metadata.resourceVersion, identity?.metadata.resourceVersion, 'one transaction')
  t.deepEqual(await rig.told(), ['NodeJoined Node/board-1: joined by token abc123'])
})

test('a board that lost the answer asks again, and uses nothing up', async t => {
  const rig = await open(t)
  await rig.token()
  const key = generateKey()
  await rig.join('board-1', key)
  const again = await rig.join('board-1', key)
  t.true(isSignedBy(again.certificate, again.ca))
  const token = await rig.objects.get<JoinToken>(joinTokenKind, undefined, 'abc123')
  t.is(token?.status?.used?.length, 1)
  await t.throwsAsync(rig.join('board-2', generateKey()), { code: 'Forbidden', message: /used up/ } as object)
  t.is(await rig.identity('board-2'), undefined)
})

test('two boards with one token for one, at once: one of them joins', async t => {
  const rig = await open(t)
  await rig.token()
  const results = await Promise.allSettled(['board-1', 'board-2', 'board-3'].map(name => rig.join(name, generateKey())))
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 1)
  t.is((await rig.objects.list(nodeIdentityKind)).length, 1)
})

test('a rack that is switched on at once joins by one token for all of it', async t => {
  const rig = await open(t)
  await rig.token({ uses: 30 })
  const names = Array.from({ length: 30 }, (_, index) => `board-${index}`)
  const joined = await Promise.all(names.map(name => rig.join(name, generateKey())))
  t.is(joined.length, 30)
  const token = await rig.objects.get<JoinToken>(joinTokenKind, undefined, 'abc123')
  t.deepEqual(token?.status?.used?.map(({ nodeName }) => nodeName).toSorted(), names.toSorted())
  await t.throwsAsync(rig.join('one-more', generateKey()), { message: /used/ })
})

test('a wrong token changes nothing, is told, and never repeated', async t => {
  const rig = await open(t)
  await rig.token()
  for (const wrong of [`abc123.${'z'.repeat(26)}`, `zzzzzz.${secret}`, 'x', `${tokenText}x`]) {
    const error = await t.throwsAsync(rig.join('board-1', generateKey(), wrong), { code: 'Unauthorized' } as object)
    t.false(error?.message.includes('zzzzzz'))
  }
  const told = await rig.told()
  t.is(told.length, 2)
  t.true(
    told.some(line =>
      line.startsWith('JoinRefused JoinToken/abc123: a board that calls itself "board-1" may not join'),
    ),
  )
  t.false(told.join().includes(secret))
  t.deepEqual(await rig.objects.list(nodeIdentityKind), [])
})

test('guessing is slow, and whoever has the token joins meanwhile', async t => {
  const rig = await open(t)
  await rig.token()
  const { csr } = await createCsr({ commonName: 'x' })
  const guess = (): Promise<string> =>
    rig.service.answer({ type: 'join', token: `abc123.${'z'.repeat(26)}`, name: 'x', csr }).then(
      () => 'in',
      (error: CodedError) => error.code,
    )
  const codes: string[] = []
  for (let index = 0; index < 60; index++) codes.push(await guess())
  t.is(codes.filter(code => code === 'Unauthorized').length, 20)
  t.is(codes.filter(code => code === 'TooManyRequests').length, 40)
  await t.notThrowsAsync(rig.join('board-1', generateKey()))
})

test('a name that cannot be a node, or a bad signing request, is refused with the reason', async t => {
  const rig = await open(t)
  await rig.token({ uses: 9 })
  for (const name of ['Board', '../x', 'a/b', '+', '#', 'a'.repeat(53), 'system:master']) {
    await t.throwsAsync(rig.join(name, generateKey()), { code: 'Invalid', message: /the name/ } as object)
  }
  const request = { type: 'join', token: tokenText, name: 'board-1', csr: 'x' }
  await t.throwsAsync(rig.service.answer(request), { code: 'BadRequest' } as object)
  t.deepEqual(await rig.objects.list(nodeIdentityKind), [])
})

test('a re-flashed board takes its place back by a token for its name, once its old self is silent', async t => {
  const rig = await open(t)
  await rig.token({ nodeName: 'board-1', uses: 2 })
  const [old, fresh] = [generateKey(), generateKey()]
  await rig.join('board-1', old)
  rig.living.add('board-1')
  await t.throwsAsync(rig.join('board-1', fresh), { code: 'AlreadyExists' } as object)
  rig.living.clear()
  await rig.join('board-1', fresh)
  t.is((await rig.identity('board-1'))?.spec.publicKey, publicKeyOf(fresh).toString('base64'))
  t.true((await rig.told()).some(line => line.includes('in the place of the board that had the name')))
})

async function renewal(rig: Joining, certificate: string, key: string): Promise<JoinRequest> {
  const { nonce } = (await rig.service.answer({ type: 'nonce' })) as { nonce: string }
  const signature = sign('sha256', Buffer.from(renewalText('home', nonce)), createPrivateKey(key)).toString('base64')
  return { type: 'renew', certificate, nonce, signature }
}

test('a board that was off when its certificate ran out comes back by its key, within 400 days', async t => {
  const rig = await open(t)
  await rig.token()
  const key = generateKey()
  const { certificate } = await rig.join('board-1', key)
  await rig.settle()
  await rig.clock.advance(300 * dayMs)
  const reply = (await rig.service.answer(await renewal(rig, certificate, key))) as Joined
  t.is(readCertificate(reply.certificate).notAfterMs, Math.floor((rig.clock.now() + 90 * dayMs) / 1000) * 1000)
  t.is(readCertificate(reply.certificate).publicKey, publicKeyOf(key).toString('base64'))
  await rig.clock.advance(300 * dayMs)
  await t.throwsAsync(rig.service.answer(await renewal(rig, certificate, key)), { message: /400 days/ } as object)
})

test('an old certificate without its key, with a stale nonce, of a revoked or replaced board, or of another CA renews nothing', async t => {
  const rig = await open(t)
  await rig.token()
  const key = generateKey()
  const { certificate } = await rig.join('board-1', key)
  await rig.settle()
  const good = (await renewal(rig, certificate, key)) as Extract<JoinRequest, { type: 'renew' }>
  const other = await renewal(rig, certificate, generateKey())
  await t.throwsAsync(rig.service.answer(other), { code: 'Unauthorized' } as object)
  await t.throwsAsync(rig.service.answer({ ...good, nonce: good.nonce.replace(/^\d/, '9') }), {
    code: 'Expired',
  } as object)
  await rig.clock.advance(61_000)
  await t.throwsAsync(rig.service.answer(good), { code: 'Expired' } as object)
  const foreign = await (await makeRig(t)).open()
  const { certificate: theirs } = await foreign.authority.issue({ kind: 'node', name: 'board-1' }, publicKeyOf(key))
  await t.throwsAsync(rig.service.answer(await renewal(rig, theirs, key)), {
    code: 'Unauthorized',
    message: /CA/,
  } as object)
  const revoke = (identity: NodeIdentity): NodeIdentity => ({ ...identity, spec: { ...identity.spec, revoked: true } })
  await rig.objects.update<NodeIdentity>({ kind: nodeIdentityKind, name: 'board-1' }, revoke)
  await rig.settle()
  await t.throwsAsync(rig.service.answer(await renewal(rig, certificate, key)), {
    code: 'Forbidden',
    message: /revoked/,
  } as object)
})

test('join tokens that have run out are swept, a while later', async t => {
  const rig = await open(t)
  await rig.token()
  await rig.clock.advance(1.5 * 60 * 60 * 1000)
  await rig.service.sweep()
  t.is((await rig.objects.list(joinTokenKind)).length, 1)
  await t.throwsAsync(rig.join('board-1', generateKey()), { code: 'Expired' } as object)
  await rig.clock.advance(60 * 60 * 1000)
  await rig.service.sweep()
  t.deepEqual(await rig.objects.list(joinTokenKind), [])
})

test('whatever is sent, the answer is a refusal with a code', async t => {
  const rig = await open(t)
  const field = fc.oneof(fc.string(), fc.anything())
  const request = fc.record({
    type: fc.oneof(fc.constantFrom('join', 'renew'), fc.anything()),
    ...{ token: field, name: field, csr: field, certificate: field, nonce: field, signature: field },
  })
  await fc.assert(
    fc.asyncProperty(fc.oneof(request, fc.anything()), async body => {
      await rig.clock.advance(1000)
      await t.throwsAsync(rig.service.answer(body), { instanceOf: CodedError })
    }),
    { numRuns: 300 },
  )
})
