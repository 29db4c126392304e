import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { readConfigFile } from '../../cli/config-file.ts'
import { renewCertificate, renewWithinMs } from '../../cli/renew-certificate.ts'
import { type ClientContext, checkClientConfig } from '../../contract/wire/client-config.ts'
import { FakeClock } from '../../kit/fake-clock.ts'
import { createCa, createCsr, issueCertificate, publicKeyOf, readCsr } from '../../kit/x509.ts'
import { createFleet, writeContexts } from './harness.ts'

const context = (name: string, more: Partial<ClientContext> = {}): ClientContext => ({
  ...{ name, cluster: name, server: `mqtts://${name}`, username: 'alice' },
  ...more,
})

/** A certificate that ends then, and what signs another. */
async function certify(notAfterMs: number) {
  const times = { notBefore: new Date(0), notAfter: new Date(notAfterMs) }
  const ca = await createCa({ ...times, subject: { commonName: 'CA' }, serialNumber: '01' })
  const { key } = await createCsr({ commonName: 'alice' })
  const sign = async (csr: string | Buffer, until: Date): Promise<string> => {
    const publicKey = typeof csr === 'string' ? (await readCsr(csr)).publicKey : csr
    const subject = { commonName: 'alice' }
    return issueCertificate({
      ...{ ca, subject, publicKey, use: 'client', serialNumber: '02' },
      ...{ notBefore: new Date(0), notAfter: until },
    })
  }
  return { key, ca: ca.certificate, certificate: await sign(publicKeyOf(key), new Date(notAfterMs)), sign }
}

test('contexts are listed, chosen and named', async t => {
  const { run, folder } = await createFleet(t)
  const path = await writeContexts(folder, [context('home'), context('site', { namespace: 'apps', token: 'planted' })])
  t.regex(
    (await run('config', 'get-contexts')).stdout,
    /CURRENT +NAME +CLUSTER +SERVER +USER[\s\S]*\n\* +home[\s\S]*\n +site +site +mqtts:\/\/site +alice +apps/,
  )
  t.is((await run('config', 'get-contexts', '-o', 'name')).stdout, 'home\nsite\n')
  t.is((await run('config', 'use-context', 'site')).stdout, 'Switched to context "site".\n')
  t.is((await run('config', 'current-context')).stdout, 'site\n')
  t.is((await stat(path)).mode & 0o777, 0o600)
  const missing = await run('config', 'use-context', 'away')
  t.is(missing.status, 1)
  t.regex(missing.stderr, /home, site/)
})

test('keys and tokens are never shown', async t => {
  const { run, folder } = await createFleet(t)
  const { certificate, key, ca } = await certify(Date.UTC(2100, 0, 1))
  await writeContexts(folder, [context('home', { certificate, key, ca }), context('site', { token: 'planted' })])
  for (const words of [['view'], ['view', '-o', 'json'], ['get-contexts']]) {
    const { stdout, status } = await run('config', ...words)
    t.is(status, 0)
    t.notRegex(stdout, /PRIVATE|planted|BEGIN/)
  }
  t.regex((await run('config', 'view')).stdout, /key: REDACTED/)
  t.regex((await run('config', 'get-contexts')).stdout, /home .* in \d+y/)
})

test('a file of somebody is taken in, beside what is there, and used if so asked', async t => {
  const { run, folder, file } = await createFleet(t)
  const path = await writeContexts(folder, [context('home', { ca: 'one' })])
  const from = await file(
    'bob.json',
    JSON.stringify({ contexts: [context('home', { ca: 'two', username: 'bob', token: 'x' })] }),
  )
  t.regex((await run('config', 'import', from)).stderr, /chmod 600/)
  await chmod(from, 0o600)
  const ran = await run('config', 'import', from)
  t.is(ran.stdout, `context "home-2" imported into ${path}\n`)
  t.regex(ran.stderr, /use-context home-2/)
  t.is((await run('config', 'current-context')).stdout, 'home\n')
  await run('config', 'import', from, '--use')
  t.is((await run('config', 'current-context')).stdout, 'home-2\n')
  const { contexts } = checkClientConfig(JSON.parse((await run('config', 'view', '-o', 'json')).stdout))
  t.deepEqual(
    contexts.map(({ name, username }) => [name, username]),
    [
      ['home', 'alice'],
      ['home-2', 'bob'],
    ],
  )
})

test('the first file that is taken in makes the configuration, for its owner alone', async t => {
  const { run, folder, start } = await createFleet(t)
  const config = join(folder, 'new', 'config.yaml')
  const running = start('config', 'import', '-', '--config', config)
  running.terminal.stdin.end(JSON.stringify({ contexts: [context('home', { token: 'x' })] }))
  t.is((await running.done).status, 0)
  t.is((await stat(config)).mode & 0o777, 0o600)
  t.is((await stat(join(folder, 'new'))).mode & 0o777, 0o700)
  t.is((await run('config', 'current-context', '--config', config)).stdout, 'home\n')
})

for (const [age, leftMs, renewed] of [
  ['young', renewWithinMs + 1000, false],
  ['old', renewWithinMs - 1000, true],
] as const)
  test(`a certificate that is ${age} is ${renewed ? 'renewed in its file, for the same key' : 'left alone'}`, async t => {
    const { folder } = await createFleet(t)
    const clock = new FakeClock()
    const { certificate, key, ca, sign } = await certify(clock.now() + leftMs)
    const path = await writeContexts(folder, [context('home', { certificate, key, ca }), context('site')])
    const asked: string[] = []
    const api = {
      sign: async (_target: unknown, csr: string) => {
        asked.push(csr)
        return { certificate: await sign(csr, new Date(clock.now() + 2 * renewWithinMs)), ca }
      },
    }
    const said: string[] = []
    const servers = ['mqtts://home']
    const now = {
      name: 'home',
      cluster: 'home',
      servers,
      namespace: 'default',
      username: 'alice',
      certificate,
      key,
      path,
    }
    await renewCertificate({ api, context: now, clock, warn: text => said.push(text) })
    const { contexts } = await readConfigFile(path)
    t.is(contexts[0]?.certificate !== certificate, renewed)
    t.is(contexts[0]?.key, key)
    t.is(contexts.length, 2)
    t.deepEqual(said, [])
    t.is(asked.length, renewed ? 1 : 0)
    if (renewed) t.deepEqual((await readCsr(asked[0] ?? '')).publicKey, publicKeyOf(key))
    t.is((await stat(path)).mode & 0o777, 0o600)
  })

test('a renewal that fails is a hint, and the command goes on', async t => {
  const clock = new FakeClock()
  const { certificate, key } = await certify(clock.now() + 1000)
  const api = { sign: () => Promise.reject(new Error('not now')) }
  const said: string[] = []
  const { folder } = await createFleet(t)
  const path = await writeContexts(folder, [context('home', { certificate, key })])
  const place = { name: 'home', cluster: 'home', servers: [], namespace: 'default', username: 'alice', path }
  await renewCertificate({ api, context: { ...place, certificate, key }, clock, warn: text => said.push(text) })
  t.regex(said.join(''), /^hint: your certificate ends on .* not now\n$/)
})

test('a certificate that has run out ends the command before it asks anybody, with the way out', async t => {
  const { run, folder } = await createFleet(t)
  const { certificate, key } = await certify(Date.UTC(2020, 0, 1))
  await writeContexts(folder, [context('home', { certificate, key })])
  const ran = await run('get', 'pods')
  t.is(ran.status, 1)
  t.regex(ran.stderr, /ran out at 2020-01-01.*flotilla user create alice/)
})
