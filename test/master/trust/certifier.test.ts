import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import type { NodeIdentity, User } from '../../../contract/resources/trust.ts'
import { seededRandom } from '../../../kit/random.ts'
import { createCsr, generateKey, publicKeyOf, readCertificate } from '../../../kit/x509.ts'
import { advertisedAddresses } from '../../../master/trust/advertise.ts'
import { nodeIdentityKind, userKind } from '../../../master/trust/kinds.ts'
import { Ledger } from '../../../master/trust/ledger.ts'
import { namesWith, outerAddresses } from '../../../master/trust/own-addresses.ts'
import { issuedMsOf, newSerial } from '../../../master/trust/serial.ts'
import { dayMs, folder, makeIdentity, makeRig, makeUser, startMs } from './rig.ts'

test('a user gets a certificate for the key of the request, with the groups of the store', async t => {
  const rig = await makeRig(t)
  const { verbs } = await rig.open()
  await rig.objects.create(makeUser('alice', { groups: ['ops', 'x'.repeat(65)] }))
  const { csr, key } = await createCsr({ commonName: 'admin' })
  const { certificate } = await verbs.certify({ kind: 'user', name: 'alice' }, csr)
  const facts = readCertificate(certificate)
  t.like(facts, { commonName: 'alice', organizations: ['ops'], publicKey: publicKeyOf(key).toString('base64') })
  const user = await rig.objects.get<User>(userKind, undefined, 'alice')
  t.like(user?.status, { serialNumber: facts.serialNumber, notAfter: '2031-01-01T00:00:00Z' })
})

test('a node keeps its key, and gets ninety days more', async t => {
  const rig = await makeRig(t)
  const { verbs } = await rig.open()
  const key = generateKey()
  await rig.objects.create(makeIdentity('board-1', key))
  const { certificate, time } = await verbs.certify({ kind: 'node', name: 'board-1' }, undefined)
  t.is(Date.parse(time), startMs)
  t.like(readCertificate(certificate), {
    publicKey: publicKeyOf(key).toString('base64'),
    notAfterMs: startMs + 90 * dayMs,
  })
  t.is(
    (await rig.objects.get<NodeIdentity>(nodeIdentityKind, undefined, 'board-1'))?.status?.notAfter,
    '2030-04-01T00:00:00Z',
  )
})

test('nothing is signed for who is not there, is revoked, or shows the wrong kind of request', async t => {
  const rig = await makeRig(t)
  const { verbs } = await rig.open()
  await rig.objects.create(makeUser('alice', { revoked: true }))
  await rig.objects.create(makeUser('bob'))
  await rig.objects.create(makeIdentity('board-1', generateKey(), { revoked: true }))
  const { csr } = await createCsr({ commonName: 'x' })
  const cases: Array<[kind: 'user' | 'tool' | 'node', name: string, csr: string | undefined, code: string]> = [
    ['user', 'alice', csr, 'Forbidden'],
    ['user', 'carol', csr, 'NotFound'],
    ['tool', 'bob', csr, 'NotFound'],
    ['user', 'bob', undefined, 'BadRequest'],
    ['user', 'bob', 'x', 'BadRequest'],
    ['node', 'board-1', undefined, 'Forbidden'],
    ['node', 'board-1', csr, 'BadRequest'],
    ['node', 'board-2', undefined, 'NotFound'],
  ]
  for (const [kind, name, request, code] of cases) {
    await t.throwsAsync(verbs.certify({ kind, name }, request), { code } as object, `${kind} ${name}`)
  }
  await t.throwsAsync(verbs.certify({ kind: 'master' }, csr), { code: 'Forbidden' } as object)
})

test('the ledger keeps what was issued until it has run out, and is not confused by a torn line', async t => {
  const path = join(await folder(t), 'issued.jsonl')
  const entry = (username: string, notAfterMs: number) => ({ username, serialNumber: '01', publicKey: '', notAfterMs })
  const ledger = await Ledger.open(path, 0)
  await Promise.all([ledger.add(entry('a', 10), 0), ledger.add(entry('b', 20), 0)])
  await appendFile(path, '{"username":"c","ser')
  const names = async (nowMs: number): Promise<string[]> =>
    (await Ledger.open(path, nowMs)).entries.map(({ username }) => username)
  t.deepEqual(await names(5), ['a', 'b'])
  t.deepEqual(await names(15), ['b'])
})

test('one who asks for certificates again and again fills no list but his own', async t => {
  const ledger = await Ledger.open(join(await folder(t), 'issued.jsonl'), 0)
  const entry = (username: string, notAfterMs: number) => ({ username, serialNumber: '01', publicKey: '', notAfterMs })
  for (let index = 0; index < 64; index++) await ledger.add(entry('a', 10), 0)
  await t.throwsAsync(ledger.add(entry('a', 10), 0), { code: 'TooManyRequests' } as object)
  await t.notThrowsAsync(ledger.add(entry('b', 20), 0))
  await t.notThrowsAsync(ledger.add(entry('a', 20), 11))
})

test('a serial number tells when it was made, also without its zeros in front', t => {
  const random = seededRandom(1)
  const serials = Array.from({ length: 100 }, () => newSerial(startMs, random))
  t.is(new Set(serials).size, 100)
  for (const serial of serials) {
    t.is(issuedMsOf(serial), startMs)
    t.is(issuedMsOf(serial.replace(/^0+/, '')), startMs)
  }
  t.is(issuedMsOf('not hexadecimal'), undefined)
})

test('boards are told the addresses that lead here, and not those of pods', t => {
  const info = (address: string, internal = false) => ({
    ...{ address, internal, netmask: '', mac: '', cidr: null },
    family: address.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
    ...(address.includes(':') && { scopeid: 0 }),
  })
  const own = outerAddresses({
    lo: [info('127.0.0.1', true)],
    eth0: [info('fe80::1'), info('fd00::5'), info('10.0.0.5')],
    wlan0: [info('169.254.1.1'), info('10.0.0.4')],
    veth1234: [info('10.244.0.1')],
  } as never)
  t.deepEqual(own, ['10.0.0.4', '10.0.0.5', 'fd00::5'])
  const of = (advertise: string[], host: string): string[] =>
    advertisedAddresses({ advertise, listen: [{ host, port: 8883 }] }, own)
  t.deepEqual(of([], '0.0.0.0'), ['10.0.0.4:8883', '10.0.0.5:8883'])
  t.deepEqual(of([], '::'), ['10.0.0.4:8883', '10.0.0.5:8883', '[fd00::5]:8883'])
  t.deepEqual(of([], '192.168.1.1'), ['192.168.1.1:8883'])
  t.deepEqual(of(['m.example.org:1'], '0.0.0.0'), ['m.example.org:1'])
  const names = namesWith({ dnsNames: ['a'], ipAddresses: ['1.1.1.1'] }, [
    'm.example.org:1',
    '[fd00::5]:8883',
    '1.1.1.1:8',
  ])
  t.deepEqual(names, { dnsNames: ['a', 'm.example.org'], ipAddresses: ['1.1.1.1', 'fd00::5'] })
})

test('refusals of the broker become Events of who they are about, and a flood of them is cut', async t => {
  const rig = await makeRig(t)
  const { securityEvents } = await rig.open()
  const refusal = { reason: 'topic' as const, address: '10.0.0.9', detail: 'may not publish to x\n\u001b[31m' }
  securityEvents.tell({ ...refusal, identity: { kind: 'node', name: 'board-1' } })
  t.deepEqual(await rig.told(), [
    'RefusedTopic Node/board-1: system:node:board-1 at 10.0.0.9 was refused (topic): may not publish to x??[31m',
  ])
  for (let index = 0; index < 1000; index++) securityEvents.tell({ ...refusal, detail: `try ${index}` })
  t.is((await rig.told()).length, 10)
})
