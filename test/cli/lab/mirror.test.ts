import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test from 'ava'
import { planMirror } from '../../../cli/lab/mirror.ts'
import { parseEndpoint, startRelay } from '../../../cli/lab/relay.ts'

test('a mirror in the LAN is used as it is', t => {
  t.deepEqual(planMirror('http://10.77.0.1:5000/'), { url: 'http://10.77.0.1:5000' })
})

for (const host of ['localhost', '127.0.0.1', '[::1]'])
  test(`a mirror on ${host} is carried into the LAN under the same port`, t => {
    const plan = planMirror(`http://${host}:5000/v2-cache`)
    t.is(plan.url, 'http://10.77.0.1:5000/v2-cache')
    t.deepEqual(plan.relay, { lanPort: 5000, host: host.replace(/[[\]]/g, ''), port: 5000 })
  })

for (const url of ['registry.example:5000', 'ftp://localhost', 'http://registry.example', ''])
  test(`a mirror that no board could use is refused: "${url}"`, t => {
    t.throws(() => planMirror(url), { code: 'BadRequest', message: /^cannot use the mirror/ })
  })

test('an address that is none is refused', t => {
  t.deepEqual(parseEndpoint('tcp:[::1]:80'), { host: '[::1]', port: 80 })
  for (const word of ['tcp:host', 'unix:', '10.0.0.1:80']) t.throws(() => parseEndpoint(word), { code: 'BadRequest' })
})

test('two relays and a unix socket between them carry a request and its answer', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-relay-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'mirror.sock')
  const web = createServer((request, response) => response.end(`you asked for ${request.url}`))
  await new Promise<void>(resolve => web.listen(0, '127.0.0.1', resolve))
  const outside = await startRelay({ path }, { host: '127.0.0.1', port: (web.address() as AddressInfo).port })
  const inside = await startRelay({ host: '127.0.0.1', port: 0 }, { path })
  t.teardown(() => {
    for (const server of [web, outside, inside]) server.close()
  })
  const { port } = inside.address() as AddressInfo
  const answer = await new Promise<string>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/v2/', agent: false }, response => resolve(text(response))).on(
      'error',
      reject,
    )
  })
  t.is(answer, 'you asked for /v2/')
})

test('a connection to nowhere is closed, and the relay lives on', async t => {
  const relay = await startRelay({ host: '127.0.0.1', port: 0 }, { path: '/no/such.sock' })
  t.teardown(() => relay.close())
  const { port } = relay.address() as AddressInfo
  for (let i = 0; i < 2; i += 1) {
    const failed = new Promise((_, reject) => get({ host: '127.0.0.1', port, agent: false }).on('error', reject))
    await t.throwsAsync(failed, { message: /hang up|ECONNRESET/ })
  }
})
