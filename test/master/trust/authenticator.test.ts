import test, { type ExecutionContext } from 'ava'
import type { KubernetesObject } from '../../../contract/resources/meta.ts'
import type { User } from '../../../contract/resources/trust.ts'
import { type Identity, usernameOf } from '../../../contract/wire/identity.ts'
import { generateKey, issueCertificate, publicKeyOf } from '../../../kit/x509.ts'
import type { Admission, ConnectionFacts } from '../../../master/broker/policy.ts'
import { nodeIdentityKind, podKind, serviceAccountKind, userKind } from '../../../master/trust/kinds.ts'
import { Recheck } from '../../../master/trust/recheck.ts'
import type { Trust } from '../../../master/trust/trust.ts'
import { dayMs, makeIdentity, makeRig, makeUser, type Rig, startMs } from './rig.ts'

const node: Identity = { kind: 'node', name: 'board-1' }
const alice: Identity = { kind: 'user', name: 'alice' }
const robot: Identity = { kind: 'serviceAccount', namespace: 'default', name: 'robot' }
const nobody: ConnectionFacts = {
  ...{ clientId: 'c', address: '10.0.0.7', transport: 'tls' },
  ...{ certificate: undefined, username: undefined, password: undefined },
}

interface Known extends Rig {
  trust: Trust
  /** Of board-1, alice and the tool. */
  key: string
  certificate(identity: Identity, key?: string): Promise<NonNullable<ConnectionFacts['certificate']>>
  admit(facts: Partial<ConnectionFacts>): Promise<Admission>
  update(kind: typeof userKind, name: string, spec: object): Promise<void>
}

async function open(t: ExecutionContext): Promise<Known> {
  const rig = await makeRig(t)
  const trust = await rig.open()
  const key = generateKey()
  await rig.objects.create(makeIdentity('board-1', key))
  await rig.objects.create(makeUser('alice', { groups: ['ops'] }))
  await rig.objects.create(makeUser('dashboard', { tool: true }))
  await rig.objects.create({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name: 'robot' },
  })
  await rig.settle()
  return {
    ...{ ...rig, trust, key },
    certificate: async (identity, of = key) => {
      const { certificate } = await trust.authority.issue(identity, publicKeyOf(of))
      return { raw: Buffer.from(certificate.split('\n').slice(1, -2).join(''), 'base64'), problem: undefined }
    },
    admit: facts => trust.policy.admit({ ...nobody, ...facts }),
    update: async (kind, name, spec) => {
      const change = (object: User): User => ({ ...object, spec: { ...object.spec, ...spec } })
      await rig.objects.update({ kind, name }, change)
      await rig.settle()
    },
  }
}

function whoIs(admission: Admission): string {
  return 'refused' in admission ? `${admission.reason}` : usernameOf(admission.identity)
}

test('a certificate of the cluster is the identity that it names', async t => {
  const { admit, certificate } = await open(t)
  for (const identity of [node, alice, { kind: 'tool', name: 'dashboard' } as const]) {
    t.is(whoIs(await admit({ certificate: await certificate(identity) })), usernameOf(identity))
  }
})

test('without a certificate one is a board that joins, and nobody else; in process one is the master', async t => {
  const { admit } = await open(t)
  const password = Buffer.from('x')
  t.is(whoIs(await admit({})), 'system:joining')
  t.is(whoIs(await admit({ username: 'join' })), 'system:joining')
  t.is(whoIs(await admit({ transport: 'inProcess' })), 'system:master')
  t.is(whoIs(await admit({ transport: 'plain' })), 'system:joining')
  t.is(whoIs(await admit({ username: 'system:master' })), 'not-admitted')
  t.is(whoIs(await admit({ username: 'alice', password })), 'not-admitted')
  t.is(whoIs(await admit({ password })), 'not-admitted')
  t.is(whoIs(await admit({ username: 'token', password })), 'bad-token')
  t.is(whoIs(await admit({ username: 'token' })), 'not-admitted')
})

test('a certificate whose owner is not in the store, or not of its kind, is refused', async t => {
  const { admit, certificate, objects, settle } = await open(t)
  const of = async (identity: Identity): Promise<string> =>
    whoIs(await admit({ certificate: await certificate(identity) }))
  t.is(await of({ kind: 'node', name: 'board-2' }), 'unknown-identity')
  t.is(await of({ kind: 'user', name: 'bob' }), 'unknown-identity')
  t.is(await of({ kind: 'user', name: 'dashboard' }), 'unknown-identity')
  t.is(await of({ kind: 'tool', name: 'alice' }), 'unknown-identity')
  t.is(await of(robot), 'certificate-invalid')
  t.is(await of({ kind: 'master' }), 'not-admitted')
  await objects.remove((await objects.get(userKind, undefined, 'alice'))!)
  await settle()
  t.is(await of(alice), 'unknown-identity')
})

test("a certificate that is another CA's, a server's, damaged, or bad for TLS is refused", async t => {
  const { admit, certificate, trust, key } = await open(t)
  const other = await open(t)
  t.is(whoIs(await admit({ certificate: await other.certificate(node, key) })), 'certificate-invalid')
  t.is(whoIs(await admit({ certificate: { raw: Buffer.from('x'), problem: undefined } })), 'certificate-invalid')
  const server = Buffer.from(trust.serverCertificate.current.certificate.split('-----')[2]!, 'base64')
  t.is(whoIs(await admit({ certificate: { raw: server, problem: undefined } })), 'not-admitted')
  const good = await certificate(node)
  const problems: Record<string, string> = {
    CERT_HAS_EXPIRED: 'certificate-expired',
    CERT_REVOKED: 'certificate-revoked',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate-invalid',
  }
  for (const [problem, reason] of Object.entries(problems)) {
    const admission = await admit({ certificate: { ...good, problem } })
    t.is(whoIs(admission), reason)
    t.like(admission, { identity: node })
    // It may still ask for a new one, as a board that joins.
    t.is(whoIs(await admit({ certificate: { ...good, problem }, username: 'join' })), 'system:joining')
  }
})

test('two names in one certificate are nobody', async t => {
  const { admit, trust, key } = await open(t)
  const notAfter = new Date(startMs + dayMs)
  const subject = { commonName: 'alice', organizations: [] }
  const base = {
    ca: trust.authority.credentials,
    publicKey: publicKeyOf(key),
    use: 'client' as const,
    notBefore: new Date(0),
    notAfter,
  }
  const pem = await issueCertificate({
    ...base,
    subject: { ...subject, commonName: 'alice\nCN=admin' },
    serialNumber: '01',
  })
  t.is(
    whoIs(await admit({ certificate: { raw: Buffer.from(pem.split('-----')[2]!, 'base64'), problem: undefined } })),
    'not-admitted',
  )
})

test('a certificate that runs out while its owner is connected is no longer welcome', async t => {
  const { admit, certificate, clock } = await open(t)
  const admission = await admit({ certificate: await certificate(node) })
  if ('refused' in admission) return t.fail()
  t.is(admission.stillWelcome(), undefined)
  await clock.advance(91 * dayMs)
  t.regex(admission.stillWelcome()?.text ?? '', /time of its certificate is over/)
})

test('revoked, replaced, or told to begin anew: at once, and while connected', async t => {
  const rig = await open(t)
  const changes: Array<[Identity, () => Promise<void>, string]> = [
    [node, () => rig.update(nodeIdentityKind, 'board-1', { revoked: true }), 'revoked'],
    [
      alice,
      () => rig.update(userKind, 'alice', { validAfter: new Date(startMs + 1000).toISOString() }),
      'certificate-revoked',
    ],
    [
      { kind: 'tool', name: 'dashboard' },
      () => rig.update(userKind, 'dashboard', { validAfter: 'never' }),
      'certificate-revoked',
    ],
  ]
  for (const [identity, change, reason] of changes) {
    const certificate = await rig.certificate(identity)
    const admission = await rig.admit({ certificate })
    if ('refused' in admission) return t.fail()
    await change()
    t.truthy(admission.stillWelcome())
    t.is(whoIs(await rig.admit({ certificate })), reason)
  }
  await rig.update(nodeIdentityKind, 'board-1', {
    revoked: false,
    publicKey: publicKeyOf(generateKey()).toString('base64'),
  })
  t.is(whoIs(await rig.admit({ certificate: await rig.certificate(node) })), 'certificate-revoked')
  await rig.clock.advance(2000)
  t.is(whoIs(await rig.admit({ certificate: await rig.certificate(alice) })), 'alice')
})

test('a token is the user or service account that it was made for, until its time is over', async t => {
  const { trust, admit, clock } = await open(t)
  for (const identity of [alice, robot]) {
    const { token, expirationTimestamp } = await trust.verbs.mint(identity, { expirationSeconds: 3600 })
    t.is(
      expirationTimestamp,
      new Date(Math.floor(clock.now() / 1000) * 1000 + 3_600_000).toISOString().replace('.000', ''),
    )
    const facts = { username: 'token', password: Buffer.from(token) }
    const admission = await admit(facts)
    t.is(whoIs(admission), usernameOf(identity))
    await clock.advance(3_601_000)
    t.is(whoIs(await admit(facts)), 'bad-token')
    if (!('refused' in admission)) t.regex(admission.stillWelcome()?.text ?? '', /time of its token/)
  }
})

test('a token for a pod ends with the pod; one of a service account with the account', async t => {
  const { trust, admit, objects, settle } = await open(t)
  const metadata = { namespace: 'default', name: 'web-1' }
  const spec = { serviceAccountName: 'robot', containers: [] }
  const pod = await objects.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec } as never as KubernetesObject)
  await settle()
  const bound = { name: 'web-1', uid: pod.metadata.uid! }
  const { token } = await trust.verbs.mint(robot, { pod: bound })
  const facts = { username: 'token', password: Buffer.from(token) }
  const admission = await admit(facts)
  t.is(whoIs(admission), usernameOf(robot))
  await t.throwsAsync(trust.verbs.mint(robot, { pod: { ...bound, uid: 'other' } }), { code: 'NotFound' } as object)
  await objects.remove((await objects.get(podKind, 'default', 'web-1'))!)
  await settle()
  t.is(whoIs(await admit(facts)), 'unknown-identity')
  const { token: free } = await trust.verbs.mint(robot, {})
  const account = (await objects.get(serviceAccountKind, 'default', 'robot'))!
  await objects.remove(account)
  await objects.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'robot' } })
  await settle()
  t.is(
    whoIs(await admit({ username: 'token', password: Buffer.from(free) })),
    'unknown-identity',
    'another of the same name',
  )
})

test('nobody gets a token for a pod that runs as another, for a board, or for less than ten minutes', async t => {
  const { trust, objects } = await open(t)
  const pod = await objects.create({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'web-1' } },
    spec: { containers: [] },
  } as never as KubernetesObject)
  const bound = { name: 'web-1', uid: pod.metadata.uid! }
  await t.throwsAsync(trust.verbs.mint(robot, { pod: bound }), { code: 'Forbidden' } as object)
  await t.throwsAsync(trust.verbs.mint(node, {}), { code: 'Forbidden' } as object)
  await t.throwsAsync(trust.verbs.mint({ kind: 'user', name: 'bob' }, {}), { code: 'NotFound' } as object)
  await t.throwsAsync(trust.verbs.mint(alice, { expirationSeconds: 1 }), { code: 'Invalid' } as object)
})

test('whoever was revoked is looked for soon after, once for all changes, and every minute', async t => {
  const { cache, clock, update } = await open(t)
  let looks = 0
  const recheck = new Recheck({ cache, clock, recheck: () => void looks++ })
  recheck.start()
  t.teardown(() => recheck.stop())
  await update(nodeIdentityKind, 'board-1', { revoked: true })
  await update(userKind, 'alice', { revoked: true })
  await clock.advance(1000)
  t.is(looks, 1)
  await clock.advance(60_000)
  t.is(looks, 2)
  for (let change = 0; change < 20; change++) {
    await update(userKind, 'alice', { groups: [`group-${change}`] })
    await clock.advance(10)
  }
  t.true(looks >= 4, 'one change after the other does not put it off')
})
