/** What the proxy sends to nft, and how it recovers, with the kernel in memory. */
import test from 'ava'
import type { RunCommand } from '../../../agent/network/command.ts'
import { createNftProxy } from '../../../agent/network/nft-proxy.ts'
import type { ServiceRoute } from '../../../contract/wire/fleet.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { createLog } from '../../../kit/log.ts'
import { NftModel } from '../../support/nft-model.ts'

const network = { podCIDR: '10.244.1.0/24', clusterCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/16' }

function service(name: string, last: number, endpoints: string[]): ServiceRoute {
  const to = endpoints.map(ip => ({ ip, port: 80, node: 'b' }))
  const ports = [{ name: '', protocol: 'TCP' as const, port: 80, endpoints: to }]
  return { namespace: 'default', name, clusterIP: `10.96.0.${last}`, sessionAffinity: 'None', ports }
}

function setUp(intercept: (argv: string[]) => void = () => undefined) {
  const model = new NftModel()
  const clock = new FakeClock()
  const warnings: string[] = []
  const commands: string[][] = []
  const run: RunCommand = async (argv, options) => {
    commands.push(argv)
    intercept(argv)
    return model.run(argv, options)
  }
  const log = createLog({ level: 'warn', write: line => warnings.push(line) })
  return { model, clock, warnings, commands, proxy: createNftProxy({ clock, log, run }) }
}

const web = service('web', 10, ['10.244.2.2', '10.244.2.3'])

test('the first call writes the table whole, the next only what changed', async t => {
  const { model, proxy } = setUp()
  t.deepEqual(await proxy.apply([web], network), { added: 3, removed: 0, whole: true })
  const moved = service('web', 10, ['10.244.2.2', '10.244.2.9'])
  t.deepEqual(await proxy.apply([moved], network), { added: 1, removed: 1, whole: false })
  t.is(
    model.transactions.at(-1),
    'delete element ip flotilla slot1 { 10.96.0.10 . tcp . 80 }\n' +
      'add element ip flotilla slot1 { 10.96.0.10 . tcp . 80 : 10.244.2.9 . 80 }\n',
  )
})

test('a wish that is fulfilled starts no program', async t => {
  const { commands, proxy } = setUp()
  await proxy.apply([web], network)
  commands.length = 0
  t.deepEqual(await proxy.apply([structuredClone(web)]), { added: 0, removed: 0, whole: false })
  t.deepEqual(commands, [])
})

test('one service among many changes its own elements only', async t => {
  const { proxy } = setUp()
  const many = Array.from({ length: 200 }, (_, index) => service(`s${index}`, index, ['10.244.2.2']))
  await proxy.apply(many, network)
  const change = await proxy.apply(many.with(77, service('s77', 77, ['10.244.2.2', '10.244.2.3'])))
  t.deepEqual(change, { added: 2, removed: 1, whole: false })
})

test('another network means another table, and a range that is none changes nothing', async t => {
  const { model, proxy } = setUp()
  await proxy.apply([web], network)
  t.true((await proxy.apply([web], { ...network, podCIDR: '10.244.9.0/24' })).whole)
  const before = model.transactions.length
  const hostile = { ...network, podCIDR: '10.244.1.0/24 accept; flush ruleset' }
  await t.throwsAsync(proxy.apply([web], hostile), { message: /cannot read the range/ })
  t.is(model.transactions.length, before)
})

test('rules that vanished while elements change are written whole, with a warning', async t => {
  const { model, proxy, warnings } = setUp()
  await proxy.apply([web], network)
  model.flush()
  const change = await proxy.apply([service('web', 10, ['10.244.2.2'])])
  t.true(change.whole)
  t.is(model.table('flotilla')?.maps.get('cluster_ips')?.get('10.96.0.10 . tcp . 80'), 'goto lb1')
  t.regex(warnings[0] ?? '', /writing them whole/)
})

test('rules that vanished while nothing changes are noticed within half a minute', async t => {
  const { model, proxy, clock } = setUp()
  await proxy.apply([web], network)
  model.flush()
  t.false((await proxy.apply([web])).whole)
  await clock.advance(30_000)
  t.true((await proxy.apply([web])).whole)
  t.truthy(model.table('flotilla'))
})

test('when nft fails altogether the caller hears nft’s own words, and the next call writes whole', async t => {
  let broken = true
  const { proxy } = setUp(argv => {
    if (broken && argv.includes('-f'))
      throw new CodedError('InternalError', 'cannot run nft: because Operation not permitted')
  })
  await t.throwsAsync(proxy.apply([web], network), { message: /Operation not permitted/ })
  broken = false
  t.true((await proxy.apply([web], network)).whole)
})

test('a doubt that comes while a change is on its way is kept', async t => {
  const { proxy } = setUp(argv => {
    if (argv.includes('-f')) proxy.invalidate()
  })
  await proxy.apply([web], network)
  t.true((await proxy.apply([web], network)).whole)
})

test('chains that went out of use do not pile up for ever', async t => {
  const { model, proxy } = setUp()
  const ips = Array.from({ length: 300 }, (_, index) => `10.244.${index >> 7}.${(index & 127) + 1}`)
  await proxy.apply([service('web', 10, [])], network)
  for (let count = 1; count <= ips.length; count += 1) await proxy.apply([service('web', 10, ips.slice(0, count))])
  const balancers = [...(model.table('flotilla')?.chains.keys() ?? [])].filter(name => name.startsWith('lb'))
  t.true(balancers.length < 100, `${balancers.length}`)
  t.true(balancers.includes('lb300'))
})

test('calls that overlap are taken in their order', async t => {
  const { model, proxy } = setUp()
  const calls = [['10.244.2.2'], ['10.244.2.2', '10.244.2.3'], ['10.244.2.4']].map(ips =>
    proxy.apply([service('web', 10, ips)], network),
  )
  await Promise.all(calls)
  t.deepEqual([...(model.table('flotilla')?.maps.get('slot0') ?? [])], [['10.96.0.10 . tcp . 80', '10.244.2.4 . 80']])
  t.is(model.table('flotilla')?.maps.get('slot1')?.size, 0)
})

test('what is no address or port never gets into the rules', async t => {
  const { model, proxy } = setUp()
  const hostile = service('web', 10, ['10.244.2.2 }; flush ruleset; {', '10.244.2.3', '::1'])
  const badPort = { ...service('x', 11, ['10.244.2.2']), clusterIP: '1.2.3.4; drop' }
  await proxy.apply([hostile, badPort], network)
  t.is(model.table('flotilla')?.maps.get('cluster_ips')?.size, 1)
  t.notRegex(model.transactions.join(), /flush|drop/)
})

test('a board without conntrack still routes UDP, and says once what to install', async t => {
  const { proxy, warnings } = setUp(argv => {
    if (argv[0] === 'conntrack') throw new CodedError('NotFound', 'cannot run conntrack: because there is none')
  })
  const udp = (ips: string[]): ServiceRoute => {
    const { ports, ...rest } = service('dns', 10, ips)
    return { ...rest, ports: ports.map(port => ({ ...port, protocol: 'UDP' as const })) }
  }
  await proxy.apply([udp(['10.244.2.2', '10.244.2.3'])], network)
  await proxy.apply([udp(['10.244.2.3'])])
  await proxy.apply([udp([])])
  t.is(warnings.length, 1)
  t.regex(warnings[0] ?? '', /install the package conntrack/)
})
