import { X509Certificate } from 'node:crypto'
import { chmod, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { seededRandom } from '../../../kit/random.ts'
import { generateKey, isSignedBy, readCertificate } from '../../../kit/x509.ts'
import { userKind } from '../../../master/trust/kinds.ts'
import { openPki, type PkiOptions } from '../../../master/trust/pki.ts'
import { eventually } from '../../kit/eventually.ts'
import { dayMs, folder, makeRig, startMs } from './rig.ts'

const options = { cluster: 'home', clock: new FakeClock(startMs), random: seededRandom(1), isInUse: false }

test('the first start makes the keys of a cluster, for their owner alone, and each later one finds them', async t => {
  const rig = await makeRig(t)
  const first = await rig.open()
  t.true(first.isNew)
  for (const name of await readdir(first.pkiDirectory)) {
    t.is((await stat(join(first.pkiDirectory, name))).mode & 0o777, 0o600, name)
  }
  t.is((await stat(first.pkiDirectory)).mode & 0o777, 0o700)
  t.is((await stat(first.adminPath)).mode & 0o777, 0o600)
  const second = await rig.open()
  t.false(second.isNew)
  t.is(second.authority.certificate, first.authority.certificate)
  t.deepEqual(second.serverCertificate.current, first.serverCertificate.current)
  t.deepEqual(
    (await rig.objects.list(userKind)).map(user => user.metadata.name),
    ['admin'],
  )
})

test('a master without a clock makes a CA that is good for years', async t => {
  const rig = await makeRig(t)
  const { authority } = await rig.open({ clock: new FakeClock(0) })
  t.true(authority.facts.notAfterMs > Date.UTC(2055, 0, 1))
  const { facts } = await authority.issue(
    { kind: 'node', name: 'board-1' },
    Buffer.from(authority.facts.publicKey, 'base64'),
  )
  t.true(facts.notAfterMs > Date.UTC(2026, 2, 1))
  t.is(facts.notBeforeMs, 0)
})

test('a power cut in the middle of the first start loses nothing, and no half-made CA is used', async t => {
  const whole = ['ca.key', 'ca.crt', 'server.key', 'service-accounts.key']
  for (let survivors = 0; survivors <= whole.length; survivors++) {
    const directory = join(await folder(t), 'pki')
    const before = await openPki({ ...options, directory })
    for (const name of whole.slice(survivors)) await rm(join(directory, name))
    await writeFile(join(directory, 'ca.crt.part'), 'half', { mode: 0o644 })
    const after = await openPki({ ...options, directory })
    t.is(after.ca.certificate === before.ca.certificate, survivors >= 2, `${survivors} files`)
    t.is(after.ca.key === before.ca.key, survivors >= 1)
    t.is(after.serverKey === before.serverKey, survivors >= 3)
    t.true(isSignedBy(after.ca.certificate, after.ca.certificate))
    t.deepEqual((await readdir(directory)).sort(), [...whole].sort())
    t.deepEqual(await openPki({ ...options, directory, isInUse: true }), { ...after, isNew: false })
  }
})

test('a CA is never made anew beside a store that relies on it', async t => {
  const rig = await makeRig(t)
  const { pkiDirectory } = await rig.open()
  await rm(join(pkiDirectory, 'ca.crt'))
  await t.throwsAsync(rig.open(), { code: 'Invalid', message: /ca\.crt is gone.*restore it/ } as object)
  t.false((await readdir(pkiDirectory)).includes('ca.crt'))
})

const damages: Array<[what: string, refusal: RegExp, code: string, harm: (directory: string) => Promise<void>]> = [
  ['a key that is gone', /ca\.key is gone/, 'Invalid', directory => rm(join(directory, 'ca.key'))],
  ['a key of another', /not the key of/, 'Invalid', directory => writeFile(join(directory, 'ca.key'), generateKey())],
  ['a key cut short', /ca\.key is damaged/, 'Invalid', directory => truncate(join(directory, 'ca.key'), 100)],
  ['a certificate cut short', /ca\.crt is damaged/, 'Invalid', directory => truncate(join(directory, 'ca.crt'), 100)],
  [
    'a token key that is empty',
    /service-accounts\.key is damaged/,
    'Invalid',
    directory => truncate(join(directory, 'service-accounts.key')),
  ],
  ['a key that others may read', /chmod 600/, 'Forbidden', directory => chmod(join(directory, 'ca.key'), 0o644)],
  ['a folder that others may use', /chmod 700/, 'Forbidden', directory => chmod(directory, 0o755)],
]

for (const [what, refusal, code, harm] of damages) {
  test(`the master does not start with ${what}`, async t => {
    const directory = join(await folder(t), 'pki')
    const { ca } = await openPki({ ...options, directory })
    await harm(directory)
    const error = await t.throwsAsync(openPki({ ...options, directory }), { code, message: refusal } as object)
    t.false(error?.message.includes(ca.key.split('\n')[1] ?? ca.key))
  })
}

test('keys of another cluster are refused, and its name is told', async t => {
  const directory = join(await folder(t), 'pki')
  await openPki({ ...options, directory })
  const other: PkiOptions = { ...options, directory, cluster: 'garden' }
  await t.throwsAsync(openPki(other), { code: 'Invalid', message: /--cluster home/ } as object)
})

test("the server's certificate changes with the board's addresses and at two thirds of its life, and not otherwise", async t => {
  const rig = await makeRig(t)
  const addresses = ['127.0.0.1', '10.0.0.1']
  const { serverCertificate } = await rig.open({
    names: () => ({ dnsNames: ['board-0'], ipAddresses: [...addresses] }),
  })
  const shown: string[] = []
  serverCertificate.onChange(({ certificate }) => shown.push(certificate))
  const { certificate, key } = serverCertificate.current
  t.is(certificate.match(/BEGIN CERTIFICATE/g)?.length, 2, 'the CA is shown too')
  serverCertificate.start()
  t.teardown(() => serverCertificate.stop())
  await rig.clock.advance(10 * 60_000)
  addresses.pop()
  await rig.clock.advance(10 * 60_000)
  addresses.push('10.0.0.2')
  await eventually('a certificate with the new address', async () => {
    await rig.clock.advance(60_000)
    return new X509Certificate(serverCertificate.current.certificate).checkIP('10.0.0.2')
  })
  t.is(shown.length, 1, 'an address less is no reason for another certificate')
  t.is(serverCertificate.current.key, key)
  t.is(await readFile(join(rig.directory, 'pki', 'server.crt'), 'utf8').then(text => shown[0]?.startsWith(text)), true)
  t.deepEqual(readCertificate(shown[0]!).commonName, 'system:server')
  const before = readCertificate(serverCertificate.current.certificate).notAfterMs
  const { serverCertificate: later } = await rig.open({ clock: new FakeClock(startMs + 250 * dayMs) })
  t.true(readCertificate(later.current.certificate).notAfterMs > before)
})

test('an administrator has a configuration that is kept fresh, and stays away when somebody has removed him', async t => {
  const rig = await makeRig(t)
  const read = async (path: string) => JSON.parse(await readFile(path, 'utf8')).contexts[0]
  const { adminPath } = await rig.open({ localServers: () => ['mqtts+unix:///x.sock'] })
  const first = await read(adminPath)
  t.like(first, { name: 'home', username: 'admin', servers: ['mqtts+unix:///x.sock', 'mqtts://10.0.0.1:8883'] })
  t.like(readCertificate(first.certificate), { commonName: 'admin', organizations: ['system:masters'] })
  rig.addresses[0] = '10.0.0.9:8883'
  await rig.open()
  t.like(await read(adminPath), { certificate: first.certificate, servers: ['mqtts://10.0.0.9:8883'] })
  await rig.clock.advance(250 * dayMs)
  await rig.open()
  const renewed = await read(adminPath)
  t.not(renewed.certificate, first.certificate)
  await writeFile(adminPath, '{', { mode: 0o600 })
  await rig.open()
  t.like(await read(adminPath), { username: 'admin' })
  await rig.objects.create({
    apiVersion: 'flotilla.dev/v1',
    kind: 'User',
    metadata: { name: 'alice' },
    spec: {},
  } as never)
  const admin = await rig.objects.get(userKind, undefined, 'admin')
  await rig.objects.remove(admin!)
  await rm(adminPath)
  await rig.open()
  t.deepEqual(
    (await rig.objects.list(userKind)).map(user => user.metadata.name),
    ['alice'],
  )
  await t.throwsAsync(readFile(adminPath))
})
