/** Secrets on their way to the boards: to those whose pods mention them, sealed, and to nobody else in any form. */
import test, { type ExecutionContext } from 'ava'
import type { Secret, ServiceAccount } from '../../../contract/resources/core.ts'
import type { Pod } from '../../../contract/resources/pod.ts'
import type { NodeIdentity } from '../../../contract/resources/trust.ts'
import { type SecretContents, type SecretWish, secretDocument } from '../../../contract/wire/fleet.ts'
import type { Message } from '../../../kit/bus/bus.ts'
import type { Snapshot } from '../../../kit/bus/collection.ts'
import { unseal } from '../../../kit/jose.ts'
import { nodeIdentityKind, podKind, secretKind, serviceAccountKind } from '../../../master/fleet/kinds.ts'
import { eventually } from '../../kit/eventually.ts'
import { holdsOne, plant } from '../store/planted.ts'
import { makeIdentity, makeNode, makePod, names, Rig, readCollection, startPublisher, topics } from './rig.ts'

interface Bench {
  rig: Rig
  /** All that goes over the wire, as the master may hear it. */
  heard: Message[]
  /** The private key of board-1. */
  key: string
  /** What board-1 and board-2 make of their wishes. */
  boards: [Snapshot[], Snapshot[]]
}

const document = secretDocument('default', 'password')

function makeSecret(value: string): Secret {
  const metadata = { name: 'password', namespace: 'default' }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    type: 'Opaque',
    data: { value: Buffer.from(value).toString('base64') },
  }
}

function makeReader(name: string, node: string): Pod {
  const pod = makePod(name, node)
  return { ...pod, spec: { ...pod.spec, volumes: [{ name: 'a', secret: { secretName: 'password' } }] } }
}

/** Two boards that have joined, one with a pod that reads the Secret and one with a pod that does not. */
async function startBench(t: ExecutionContext, value: string): Promise<Bench> {
  const rig = await new Rig().start(t)
  const heard: Message[] = []
  await rig.broker.connect('listener').subscribe('#', message => heard.push(message))
  await startPublisher(t, { bus: rig.master, cache: rig.room.cache, clock: rig.clock })
  const { identity, key } = makeIdentity('board-1')
  for (const joined of [identity, makeIdentity('board-2').identity]) await rig.create(joined)
  for (const [index, name] of ['board-1', 'board-2'].entries()) await rig.create(makeNode(name, `10.244.${index}.0/24`))
  await rig.create(makeSecret(value))
  await rig.create(makeReader('reader', 'board-1'))
  await rig.create(makePod('other', 'board-2'))
  await rig.advance(20)
  const boards: Bench['boards'] = [
    await readCollection(t, rig, topics.nodeWish('board-1')),
    await readCollection(t, rig, topics.nodeWish('board-2')),
  ]
  return { rig, heard, key, boards }
}

/** Sealing takes real time. */
function until(rig: Rig, what: string, isSo: () => boolean): Promise<boolean> {
  return eventually(what, async () => {
    await rig.advance(20)
    return isSo()
  })
}

function wishIn(snapshots: Snapshot[]): SecretWish | undefined {
  return snapshots.at(-1)?.documents.get(document) as SecretWish | undefined
}

async function open(wish: SecretWish | undefined, key: string): Promise<SecretContents> {
  return JSON.parse((await unseal(wish?.sealed ?? '', { key, about: document })).toString()) as SecretContents
}

const where = { kind: secretKind, namespace: 'default', name: 'password' }

test('a Secret reaches the board whose pod mentions it, sealed, and is on no other topic in any spelling', async t => {
  const { value, spellings } = plant()
  const { rig, heard, key, boards } = await startBench(t, value)
  const [reading, other] = boards
  await until(rig, 'the secret', () => wishIn(reading) !== undefined)
  const { data } = await open(wishIn(reading), key)
  t.is(Buffer.from(data['value']!, 'base64').toString(), value)
  t.deepEqual(names(reading.at(-1)), ['node', 'pods/default/reader', document])
  t.deepEqual(names(other.at(-1)), ['node', 'pods/default/other'])
  const holders = heard.filter(({ payload }) => payload.includes(wishIn(reading)!.sealed))
  t.true(holders.length > 0)
  t.true(holders.every(({ topic }) => topic.startsWith(topics.nodeWish('board-1'))))
  t.false(heard.some(({ payload, topic }) => holdsOne(payload, spellings) || topic.includes('password')))
  t.deepEqual(rig.complaints, [])
})

test('a change of its contents costs one document; a label, and a report of the pod, cost nothing', async t => {
  const { rig, heard, key, boards } = await startBench(t, 'one')
  const [reading] = boards
  await until(rig, 'the secret', () => wishIn(reading) !== undefined)
  const first = wishIn(reading)
  heard.length = 0
  const label = (of: Secret | NodeIdentity) => ({ ...of, metadata: { ...of.metadata, labels: { a: 'b' } } })
  await rig.room.objects.update<Secret>(where, secret => label(secret) as Secret)
  const identity = { kind: nodeIdentityKind, name: 'board-1' }
  await rig.room.objects.update<NodeIdentity>(identity, now => ({ ...now, status: { serialNumber: '7' } }))
  await rig.advance(100)
  t.deepEqual(
    heard.map(({ topic }) => topic),
    [],
  )
  await rig.room.objects.update<Secret>(where, secret => ({ ...secret, data: makeSecret('two').data! }))
  await until(rig, 'the change', () => wishIn(reading)?.sealed !== first?.sealed)
  t.not(wishIn(reading)?.metadata.resourceVersion, first?.metadata.resourceVersion)
  t.deepEqual((await open(wishIn(reading), key)).data, makeSecret('two').data)
  t.deepEqual(
    heard.map(({ topic, payload }) => [topics.parseNode(topic)?.leaf.split('/')[1], payload.length > 0]),
    [
      ['docs', true],
      ['index', true],
      ['docs', false],
    ],
  )
})

test('a Secret that is deleted leaves the wish and the broker, and so does one that nobody mentions any more', async t => {
  const { rig, boards } = await startBench(t, 'one')
  const [reading] = boards
  await until(rig, 'the secret', () => wishIn(reading) !== undefined)
  const retained = rig.broker.retainedTopics().length
  await rig.room.objects.remove((await rig.room.objects.get(secretKind, 'default', 'password'))!)
  await until(rig, 'its removal', () => wishIn(reading) === undefined)
  t.is(rig.broker.retainedTopics().length, retained - 1)
  await rig.create(makeSecret('two'))
  await until(rig, 'the new one', () => wishIn(reading) !== undefined)
  await rig.room.objects.remove((await rig.room.objects.get(podKind, 'default', 'reader'))!)
  await until(rig, 'its removal', () => wishIn(reading) === undefined)
  t.deepEqual(names(reading.at(-1)), ['node'])
})

test('a board gets Secrets from when it has a key until it is cut off, and anew for another key', async t => {
  const { rig, boards } = await startBench(t, 'one')
  const [reading] = boards
  const identity = { kind: nodeIdentityKind, name: 'board-1' }
  const change = (spec: Partial<NodeIdentity['spec']>): Promise<unknown> =>
    rig.room.objects.update<NodeIdentity>(identity, now => ({ ...now, spec: { ...now.spec, ...spec } }))
  await until(rig, 'the secret', () => wishIn(reading) !== undefined)
  const wishes = (): string[] => rig.broker.retainedTopics().filter(topic => topic.includes('/board-1/wish/'))
  await change({ revoked: true })
  await until(rig, 'that nothing is kept for it', () => wishes().length === 0)
  reading.length = 0
  const { identity: fresh, key } = makeIdentity('board-1')
  await change({ publicKey: fresh.spec.publicKey, revoked: false })
  await until(rig, 'the secret', () => wishIn(reading) !== undefined)
  t.deepEqual((await open(wishIn(reading), key)).data, makeSecret('one').data)
  await rig.room.objects.remove((await rig.room.objects.get(nodeIdentityKind, undefined, 'board-1'))!)
  await until(rig, 'its removal', () => wishIn(reading) === undefined)
})

test('what an account decides for its pods reaches their boards when it changes', async t => {
  const { rig, boards } = await startBench(t, 'one')
  const [, other] = boards
  const metadata = { name: 'default', namespace: 'default' }
  const account: ServiceAccount = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata,
    automountServiceAccountToken: false,
  }
  const specNow = (): Pod['spec'] => (other.at(-1)!.documents.get('pods/default/other') as Pod).spec
  t.true(specNow().automountServiceAccountToken)
  await rig.create(account)
  await until(rig, 'the decision', () => specNow().automountServiceAccountToken === false)
  await rig.room.objects.update<ServiceAccount>({ kind: serviceAccountKind, ...metadata }, now => ({
    ...now,
    imagePullSecrets: [{ name: 'password' }],
  }))
  await until(rig, 'the secret', () => wishIn(other) !== undefined)
  t.deepEqual(specNow().imagePullSecrets, [{ name: 'password' }])
  await rig.room.objects.remove((await rig.room.objects.get(serviceAccountKind, 'default', 'default'))!)
  await until(rig, 'that it is as before', () => specNow().automountServiceAccountToken === true && !wishIn(other))
})
