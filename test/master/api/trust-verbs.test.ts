import test from 'ava'
import type { ApiRequest } from '../../../contract/wire/api.ts'
import { readApiRequest } from '../../../master/api/read-request.ts'
import type { Answer } from '../../../master/api/room.ts'
import { createHarness, type Harness, target } from './harness.ts'

const users = (name: string) => ({ resource: 'users', group: 'flotilla.dev', name })
const nodes = (name: string) => ({ resource: 'nodeidentities', group: 'flotilla.dev', name })
const object = (kind: string, name: string, spec: object) => ({
  ...{ apiVersion: 'flotilla.dev/v1', kind, metadata: { name }, spec },
})

/** What a node asks for itself: nobody else may. */
function askAsNode({ api }: Harness, name: string, request: ApiRequest): Promise<Answer> {
  return api.handle(request, { identity: { kind: 'node', name }, signal: new AbortController().signal })
}

test('a certificate is signed in the name that the target stands for', async t => {
  const harness = await createHarness(t)
  const { ask, objects } = harness
  await objects.create(object('User', 'wall', { tool: true }))
  await objects.create(object('NodeIdentity', 'board-1', { publicKey: 'AAAA' }))
  const csr = 'a CSR'
  t.like(await ask({ verb: 'sign', target: users('alice'), csr }), { certificate: 'certificate of alice for a CSR' })
  t.like(await ask({ verb: 'sign', target: users('wall'), csr }), {
    certificate: 'certificate of system:tool:wall for a CSR',
  })
  t.like(await askAsNode(harness, 'board-1', { verb: 'sign', target: nodes('board-1') }), {
    certificate: 'certificate of system:node:board-1 for undefined',
  })
})

test('a token is made in the name of a user, or of a service account for a pod', async t => {
  const { ask, objects } = await createHarness(t)
  await objects.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot', namespace: 'default' } })
  t.like(await ask({ verb: 'token', target: users('alice') }), { token: 'token of alice', expirationTimestamp: '{}' })
  const pod = { name: 'web-1', uid: 'u1' }
  const request: ApiRequest = {
    verb: 'token',
    target: target('serviceaccounts', 'bot'),
    expirationSeconds: 600,
    audience: 'vault',
    pod,
  }
  t.like(await ask(request), {
    token: 'token of system:serviceaccount:default:bot',
    expirationTimestamp: JSON.stringify({ expirationSeconds: 600, audience: 'vault', pod }),
  })
})

const refused: Array<[what: string, request: ApiRequest, code: string]> = [
  ['a certificate for a user that is not there', { verb: 'sign', target: users('bob'), csr: 'x' }, 'NotFound'],
  ['a certificate for a node that another asks for', { verb: 'sign', target: nodes('board-1') }, 'Forbidden'],
  ['a token for a user that is not there', { verb: 'token', target: users('bob') }, 'NotFound'],
  ['a certificate for a user without a key', { verb: 'sign', target: users('alice') }, 'BadRequest'],
  ['a key without end', { verb: 'sign', target: users('alice'), csr: 'x'.repeat(8193) }, 'BadRequest'],
  ['a certificate for a pod', { verb: 'sign', target: target('pods', 'x'), csr: 'x' }, 'BadRequest'],
  ['a certificate for all users', { verb: 'sign', target: { resource: 'users', group: 'flotilla.dev' } }, 'BadRequest'],
  ['a certificate for a service account', { verb: 'sign', target: target('serviceaccounts', 'bot') }, 'BadRequest'],
  ['a token for nobody to take', { verb: 'token', target: users('alice'), audience: '' }, 'BadRequest'],
  ['a token for a node', { verb: 'token', target: nodes('board-1') }, 'BadRequest'],
  [
    'a token of a user for a pod',
    { verb: 'token', target: users('alice'), pod: { name: 'x', uid: 'y' } },
    'BadRequest',
  ],
]
for (const [what, request, code] of refused)
  test(`${what} is refused`, async t => {
    const { ask, objects } = await createHarness(t)
    await objects.create(object('NodeIdentity', 'board-1', { publicKey: 'AAAA' }))
    await objects.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot', namespace: 'default' } })
    await t.throwsAsync(ask(request), { code })
  })

test('a node keeps its key: it gets no certificate for another', async t => {
  const harness = await createHarness(t)
  await harness.objects.create(object('NodeIdentity', 'board-1', { publicKey: 'AAAA' }))
  const request: ApiRequest = { verb: 'sign', target: nodes('board-1'), csr: 'x' }
  await t.throwsAsync(askAsNode(harness, 'board-1', request), { code: 'BadRequest' })
})

test('an invitation and a new key are given as the room of trust gives them', async t => {
  const { ask } = await createHarness(t)
  const invitation = { cluster: 'home', addresses: ['board-1:8883'], caFingerprint: '0'.repeat(64) }
  t.deepEqual(await ask({ verb: 'invite' }), { invitation })
  t.deepEqual(await ask({ verb: 'rotate' }), { rotated: 7 })
})

test('the words of trust are read field by field, and no other comes through', t => {
  const attributes = { verb: 'get', resource: 'pods', group: '', subresource: 'log', namespace: 'default', name: 'x' }
  const requests: ApiRequest[] = [
    { verb: 'sign', target: users('alice'), csr: 'x' },
    { verb: 'sign', target: nodes('board-1') },
    { verb: 'token', target: users('alice'), expirationSeconds: 60, audience: 'a', pod: { name: 'x', uid: 'y' } },
    { verb: 'review', attributes, as: 'bob', asGroups: ['g'] },
    { verb: 'rules', namespace: 'default', as: 'bob', asGroups: [] },
    { verb: 'rotate' },
    { verb: 'invite' },
  ]
  for (const request of requests) {
    t.deepEqual(readApiRequest({ ...request, identity: { kind: 'master' } }), request)
    for (const nested of ['pod', 'attributes'])
      if (nested in request) {
        const value = { ...(request as never as Record<string, object>)[nested], more: 'of it' }
        t.deepEqual(readApiRequest({ ...request, [nested]: value }), request)
      }
  }
})

const garbage: Array<[what: string, body: object]> = [
  ['a CSR that is a list', { verb: 'sign', target: users('alice'), csr: [] }],
  ['no target to sign for', { verb: 'sign', csr: 'x' }],
  ['a time that is a text', { verb: 'token', target: users('alice'), expirationSeconds: '60' }],
  ['a time before now', { verb: 'token', target: users('alice'), expirationSeconds: -1 }],
  ['an audience that is a list', { verb: 'token', target: users('alice'), audience: [] }],
  ['a pod without uid', { verb: 'token', target: users('alice'), pod: { name: 'x' } }],
  ['a pod that is a text', { verb: 'token', target: users('alice'), pod: 'x' }],
  ['no attributes', { verb: 'review' }],
  ['attributes without a verb', { verb: 'review', attributes: { resource: 'pods', group: '' } }],
  [
    'a namespace that is a list',
    { verb: 'review', attributes: { verb: 'get', resource: 'x', group: '', namespace: [] } },
  ],
  ['groups that are a text', { verb: 'review', attributes: { verb: 'a', resource: 'b', group: 'c' }, asGroups: 'g' }],
  ['no namespace', { verb: 'rules' }],
]
for (const [what, body] of garbage)
  test(`a request with ${what} is a bad one`, t => {
    t.throws(() => readApiRequest(body), { code: 'BadRequest' })
  })
