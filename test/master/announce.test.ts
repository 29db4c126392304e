import test from 'ava'
import { systemClock } from '../../kit/clock.ts'
import { silentLog } from '../../kit/log.ts'
import { announcePart } from '../../master/announce.ts'
import type { ListenAddress } from '../../master/broker/listener.ts'

async function partsFor(...listen: ListenAddress[]): Promise<string[]> {
  const parts = await announcePart({
    cluster: 'home',
    caFingerprint: 'ab'.repeat(32),
    listen,
    clock: systemClock,
    log: silentLog,
  })
  return parts.map(({ name }) => name)
}

test('a master that others can reach announces itself', async t => {
  const announced = ['announcement on the LAN']
  t.deepEqual(await partsFor({ type: 'tls', host: '0.0.0.0', port: 8883 }), announced)
  t.deepEqual(await partsFor({ type: 'tls', host: '192.168.1.10', port: 8884 }), announced)
})

test('one that only this machine can reach does not', async t => {
  t.deepEqual(await partsFor({ type: 'tls', host: '127.0.0.1', port: 8883 }), [])
  t.deepEqual(await partsFor({ type: 'tls', host: '::1', port: 8883 }), [])
  t.deepEqual(await partsFor({ type: 'tls-unix', socketPath: '/run/x', mode: 0o660 }), [])
  t.deepEqual(await partsFor({ type: 'plain', host: '127.0.0.1', port: 1883 }), [])
})
