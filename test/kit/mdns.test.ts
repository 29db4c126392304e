import { createSocket } from 'node:dgram'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { decode, encode } from 'dns-packet'
import fc from 'fast-check'
import { sleep, systemClock } from '../../kit/clock.ts'
import { interfaceTowards, lanInterfaces } from '../../kit/lan-interfaces.ts'
import { createLog } from '../../kit/log.ts'
import {
  type FoundService,
  mdnsPort,
  readQuestion,
  readServices,
  renderAnswer,
  renderQuestion,
} from '../../kit/mdns.ts'
import { ServiceAnnouncer } from '../../kit/mdns-announcer.ts'
import { browseServices } from '../../kit/mdns-browser.ts'
import { canUseNamespaces, NamespaceGroup, type Netns } from '../support/netns.ts'
import { eventually } from './eventually.ts'

const type = '_flotilla._tcp'
const service = { type, instance: 'home-1', port: 8883, txt: { cluster: 'home', ca: 'ab'.repeat(32) } }
const peer = fileURLToPath(new URL('mdns-peer.ts', import.meta.url))
const node = [process.execPath, '--disable-warning=ExperimentalWarning', peer]

test('what an answer says of a service, its reader finds', t => {
  t.deepEqual(readServices(renderAnswer(service, '192.168.1.2'), type), [{ ...service, addresses: ['192.168.1.2'] }])
  t.deepEqual(readServices(renderAnswer(service, '192.168.1.2'), '_other._tcp'), [])
  t.deepEqual(readServices(renderAnswer(service, '192.168.1.2', { goodbye: true }), type), [])
})

test('who asks for the type, the instance or the list of types is answered, and nobody else', t => {
  const asked = (name: string): boolean | undefined =>
    readQuestion(encode({ type: 'query', questions: [{ type: 'ANY', name }] }), service)?.isForUs
  t.like(readQuestion(renderQuestion(type, 77), service), { id: 77, isForUs: true, isKnown: false })
  t.true(asked('HOME-1._flotilla._TCP.local'))
  t.true(asked('_services._dns-sd._udp.local'))
  t.false(asked('_ssh._tcp.local'))
  t.is(readQuestion(renderAnswer(service, '192.168.1.2'), service), undefined, 'an answer is no question')
})

test('who knows the service already is not told again', t => {
  const ask = (ttl: number): Buffer =>
    encode({
      type: 'query',
      questions: [{ type: 'PTR', name: `${type}.local` }],
      answers: [{ type: 'PTR', name: `${type}.local`, ttl, data: `home-1.${type}.local` }],
    })
  t.true(readQuestion(ask(4000), service)?.isKnown)
  t.false(readQuestion(ask(100), service)?.isKnown)
})

test('a plain resolver gets its question back and no cache flush (RFC 6762, 6.7)', t => {
  const answer = decode(renderAnswer(service, '192.168.1.2', { id: 5, question: `${type}.local` }))
  t.is(answer.id, 5)
  t.like(answer.questions?.[0], { name: `${type}.local`, type: 'PTR' })
  t.true(answer.answers?.every(({ flush }) => !flush))
})

test('bytes that are no message, loops of names and half a service mean nothing', t => {
  const whole = renderAnswer(service, '192.168.1.2')
  for (let end = 0; end < whole.length; end += 3) {
    t.notThrows(() => readServices(whole.subarray(0, end), type))
    t.notThrows(() => readQuestion(whole.subarray(0, end), service))
  }
  const loop = Buffer.concat([Buffer.from([0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]), Buffer.from([0xc0, 12, 0, 12])])
  t.deepEqual(readServices(loop, type), [])
  const answers = [{ type: 'PTR', name: `${type}.local`, ttl: 100, data: `home-1.${type}.local` }]
  t.deepEqual(readServices(encode({ type: 'response', answers }), type), [])
})

test('whatever comes, reading it harms nobody and gives no more than a master could say', t => {
  const whole = renderAnswer(service, '192.168.1.2')
  const damaged = fc
    .array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 })
    .map(changes => {
      const bytes = Buffer.from(whole)
      for (const [at, byte] of changes) bytes[at] = byte
      return bytes
    })
  const anything = fc.oneof(damaged, fc.uint8Array({ maxLength: 300 }).map(Buffer.from))
  fc.assert(
    fc.property(anything, bytes => {
      for (const found of readServices(bytes, type)) {
        t.true(found.port > 0 && found.addresses.length <= 8)
        t.true(found.instance.length <= 63)
      }
      readQuestion(bytes, service)
    }),
    { numRuns: 2000 },
  )
  const giant = Buffer.concat([whole, Buffer.alloc(9000)])
  t.deepEqual(readServices(giant, type), [])
})

test('a message of hundreds of records is not even decoded: names that lead to names would cost a board a second', t => {
  const records = (count: number): Buffer =>
    encode({
      type: 'response',
      answers: [
        ...decode(renderAnswer(service, '192.168.1.2')).answers!,
        ...Array.from({ length: count }, () => ({ type: 'A', name: 'x.local', ttl: 9, data: '192.168.1.3' }) as const),
      ],
    })
  t.is(readServices(records(59), type).length, 1)
  t.deepEqual(readServices(records(60), type), [])
  const questions = Array.from({ length: 65 }, () => ({ type: 'PTR', name: `${type}.local` }) as const)
  t.truthy(readQuestion(encode({ type: 'query', questions: questions.slice(1) }), service)?.isForUs)
  t.is(readQuestion(encode({ type: 'query', questions }), service), undefined)
})

test('where the port is taken, and where the address is gone, no socket stays open', async t => {
  const sockets = (): number => readdirSync('/proc/self/fd').length
  const lan = [{ name: 'eth9', address: '192.0.2.77', netmask: '255.255.255.0' }]
  // Exclusively, and on loopback alone: whoever wants it on every address finds it taken.
  const holder = createSocket('udp4')
  await new Promise<void>(resolve => holder.bind({ port: mdnsPort, address: '127.0.0.1', exclusive: true }, resolve))
  t.teardown(() => holder.close())
  const told: unknown[] = []
  const log = createLog({ write: line => void told.push(line) })
  const announcer = new ServiceAnnouncer({
    ...{ service: () => service, clock: systemClock, log, interfaces: () => lan, lookEveryMs: 5 },
  })
  const before = sockets()
  announcer.start()
  await sleep(systemClock, 200)
  await announcer.stop()
  t.true(told.length > 0, 'it could not be announced, and said so')
  for (let turn = 0; turn < 20; turn++)
    t.deepEqual(await browseServices({ type, clock: systemClock, durationMs: 1, interfaces: () => lan }), [])
  // Closing takes a turn of the loop, and other tests of this process open their own.
  await eventually(`no more than the ${before} files that were open`, () => sockets() < before + 5)
  t.pass()
})

test('networks of pods are no LAN, and who asks is a neighbour on one interface', t => {
  const info = (address: string, netmask: string, internal = false) =>
    ({ address, netmask, internal, family: 'IPv4', mac: '', cidr: null }) as const
  const found = lanInterfaces({
    lo: [info('127.0.0.1', '255.0.0.0', true)],
    eth0: [info('192.168.1.2', '255.255.255.0')],
    wlan0: [info('10.1.0.9', '255.255.0.0')],
    veth12: [info('10.244.1.1', '255.255.255.255')],
  })
  t.deepEqual(
    found.map(({ name }) => name),
    ['eth0', 'wlan0'],
  )
  t.is(interfaceTowards('192.168.1.77', found)?.name, 'eth0')
  t.is(interfaceTowards('10.1.200.3', found)?.name, 'wlan0')
  t.is(interfaceTowards('192.168.2.1', found), undefined)
})

/** A master with two LANs, and a board on each. No machine has a default route. */
async function twoLans(t: ExecutionContext): Promise<{ master: Netns; boards: [Netns, Netns] }> {
  const group = new NamespaceGroup()
  t.teardown(() => group.remove())
  const [master, one, two] = [await group.add('master'), await group.add('one'), await group.add('two')]
  await master.connect('eth0', one, 'eth0')
  await master.connect('eth1', two, 'eth0')
  await one.run(['ip', 'address', 'add', '10.98.1.2/24', 'dev', 'eth0'])
  await two.run(['ip', 'address', 'add', '10.98.2.2/24', 'dev', 'eth0'])
  return { master, boards: [one, two] }
}

async function browse(board: Netns): Promise<FoundService[]> {
  return JSON.parse(await board.run([...node, 'browse'])) as FoundService[]
}

test('a master that got its networks after its start is found on each of them, by the address that it has there', async t => {
  if (!canUseNamespaces(t, ['ip', 'nsenter'])) return
  const { master, boards } = await twoLans(t)
  await master.start([...node, 'announce', 'home-1', '8883'])
  t.deepEqual(await browse(boards[0]), [], 'it has no address yet, and lives on')
  await master.run(['ip', 'address', 'add', '10.98.1.1/24', 'dev', 'eth0'])
  await master.run(['ip', 'address', 'add', '10.98.2.1/24', 'dev', 'eth1'])
  for (const [index, board] of boards.entries()) {
    const found = await eventually('the master', async () => {
      const services = await browse(board)
      return services.length > 0 ? services : undefined
    })
    t.deepEqual(found?.[0], { ...service, addresses: [`10.98.${index + 1}.1`] })
  }
  // A cable that is pulled and plugged, and an address that changes.
  await master.run(['ip', 'address', 'del', '10.98.1.1/24', 'dev', 'eth0'])
  await master.run(['ip', 'address', 'add', '10.98.1.9/24', 'dev', 'eth0'])
  const moved = await eventually('the master at its new address', async () => {
    const services = await browse(boards[0])
    return services.some(({ addresses }) => addresses.includes('10.98.1.9')) ? services : undefined
  })
  t.is(moved?.length, 1)
})

test('two masters on one LAN are both found', async t => {
  if (!canUseNamespaces(t, ['ip', 'nsenter'])) return
  const group = new NamespaceGroup()
  t.teardown(() => group.remove())
  const [one, two] = [await group.add('one'), await group.add('two')]
  await one.connect('eth0', two, 'eth0')
  await one.run(['ip', 'address', 'add', '10.98.1.1/24', 'dev', 'eth0'])
  await two.run(['ip', 'address', 'add', '10.98.1.2/24', 'dev', 'eth0'])
  // Two programs of one machine share the port, as ours and avahi do.
  for (const instance of ['home-1', 'garden-2']) await one.start([...node, 'announce', instance, '8883'])
  const names = await eventually('both', async () => {
    const found = await browse(two)
    return found.length > 1 && found.map(({ instance }) => instance).sort()
  })
  t.deepEqual(names, ['garden-2', 'home-1'])
})

test('who answers from beyond the LAN, or names this machine itself, is not believed', async t => {
  if (!canUseNamespaces(t, ['ip', 'nsenter'])) return
  const group = new NamespaceGroup()
  t.teardown(() => group.remove())
  const [liar, board] = [await group.add('liar'), await group.add('board')]
  await liar.connect('eth0', board, 'eth0')
  await board.run(['ip', 'address', 'add', '10.98.1.2/24', 'dev', 'eth0'])
  await board.run(['ip', 'route', 'add', '10.98.7.0/24', 'dev', 'eth0'])
  // The neighbour of the first address is heard; what comes from the second has been through a router.
  for (const address of ['10.98.1.1/24', '10.98.7.7/24'])
    await liar.run(['ip', 'address', 'add', address, 'dev', 'eth0'])
  await liar.start([...node, 'lie', '10.98.7.7'])
  await liar.start([...node, 'lie', '10.98.1.1'])
  const found = await eventually('the neighbour', async () => {
    const services = await browse(board)
    return services.length > 0 ? services : undefined
  })
  t.deepEqual(
    found?.map(({ instance, addresses }) => ({ instance, addresses })),
    [{ instance: '10-98-1-1', addresses: ['10.98.9.9'] }],
  )
})
