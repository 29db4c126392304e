/** Services on two boards: real pods, real rules, real packets. */
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { createNftProxy } from '../../../agent/network/nft-proxy.ts'
import type { ServicePortRoute, ServiceRoute } from '../../../contract/wire/fleet.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { canUseNamespaces } from '../../support/netns.ts'
import { ask, askCommand, createTwoBoards, type TestPod, type TwoBoards } from '../../support/two-boards.ts'

interface Lab extends TwoBoards {
  /** a1 and a2 are on the first board, b1 on the second. */
  a1: TestPod
  a2: TestPod
  b1: TestPod
}

type Context = { lab?: Lab }
const test = anyTest as TestFn<Context>

const clusterIP = '10.96.0.10'
const vip = `${clusterIP}:80`
const nodePort = 30_080

test.before(async t => {
  if (!canUseNamespaces(t, ['nft', 'ip', 'nsenter', 'sysctl', 'ptp'])) return
  const boards = await createTwoBoards()
  t.context.lab = boards as Lab
  const [one, two] = boards.boards
  const [a1, a2, b1] = [await boards.addPod(one, 'a1'), await boards.addPod(one, 'a2'), await boards.addPod(two, 'b1')]
  t.context.lab = { ...boards, a1, a2, b1 }
})

test.after.always(async t => {
  await t.context.lab?.remove()
})

/** A test in the lab; passes early where there can be none (the reason was logged by `before`). */
function inLab(title: string, run: (t: ExecutionContext<Context>, lab: Lab) => Promise<void>): void {
  test.serial(title, async t => {
    if (t.context.lab) await run(t, t.context.lab)
    else t.pass()
  })
}

function service(pods: TestPod[], change: Partial<ServicePortRoute> = {}): ServiceRoute {
  const endpoints = pods.map(pod => pod.endpoint)
  const port = { name: 'http', protocol: 'TCP', port: 80, nodePort, endpoints, ...change } as const
  return { namespace: 'default', name: `web-${port.protocol}`, clusterIP, sessionAffinity: 'None', ports: [port] }
}

async function route(lab: Lab, services: ServiceRoute[]): Promise<void> {
  for (const board of lab.boards) await board.proxy.apply(services, board.wish)
}

/** The names in answers of the form `name address`, each once. */
function names(answers: string[]): string[] {
  return [...new Set(answers.map(answer => answer.split(' ')[0] ?? ''))].sort()
}

inLab('every pod answers through the cluster IP, whoever asks: a pod, a board, another board', async (t, lab) => {
  await route(lab, [service([lab.a1, lab.a2, lab.b1])])
  for (const from of [lab.a1.netns, lab.b1.netns, lab.boards[0].netns, lab.boards[1].netns]) {
    t.deepEqual(names(await ask(from, `tcp://${vip}`, 30)), ['a1', 'a2', 'b1'])
  }
})

inLab('every pod answers through the node port of every board, to a client on the LAN and to pods', async (t, lab) => {
  await route(lab, [service([lab.a1, lab.b1])])
  for (const from of [lab.client, lab.a2.netns, lab.boards[0].netns]) {
    for (const board of lab.boards) {
      t.deepEqual(names(await ask(from, `tcp://${board.address}:${nodePort}`, 20)), ['a1', 'b1'])
    }
  }
})

inLab(
  'a pod sees the address of the pod or board that asks; a client of a node port only on its own board',
  async (t, lab) => {
    const [one] = lab.boards
    await route(lab, [service([lab.b1])])
    t.deepEqual(await ask(lab.a1.netns, `tcp://${vip}`), [`b1 ${lab.a1.endpoint.ip}`])
    t.deepEqual(await ask(one.netns, `tcp://${vip}`), [`b1 ${one.address}`])
    t.deepEqual(await ask(lab.client, `tcp://${lab.boards[1].address}:${nodePort}`), ['b1 192.168.77.20'])
    t.deepEqual(await ask(lab.client, `tcp://${one.address}:${nodePort}`), [`b1 ${one.address}`])
  },
)

inLab('a pod reaches itself through its own service', async (t, lab) => {
  await route(lab, [service([lab.a1])])
  t.deepEqual(names(await ask(lab.a1.netns, `tcp://${vip}`, 3)), ['a1'])
  t.deepEqual(names(await ask(lab.a1.netns, `tcp://${lab.boards[0].address}:${nodePort}`, 3)), ['a1'])
})

inLab('a pod that asks a host outside of the cluster does so with its board’s address', async (t, lab) => {
  const server = new URL('../../support/name-server.ts', import.meta.url).pathname
  await lab.client.start([process.execPath, server, 'world', '9000'])
  t.deepEqual(await ask(lab.b1.netns, 'tcp://192.168.77.20:9000'), [`world ${lab.boards[1].address}`])
})

inLab('UDP is balanced too', async (t, lab) => {
  await route(lab, [service([lab.a1, lab.b1], { protocol: 'UDP' })])
  t.deepEqual(names(await ask(lab.a2.netns, `udp://${vip}`, 20)), ['a1', 'b1'])
  t.deepEqual(names(await ask(lab.client, `udp://${lab.boards[0].address}:${nodePort}`, 20)), ['a1', 'b1'])
})

inLab(
  'with client affinity one client always meets the same pod, and all clients together meet several',
  async (t, lab) => {
    const sticky = { ...service([lab.a1, lab.a2, lab.b1]), sessionAffinity: 'ClientIP' as const }
    await route(lab, [sticky])
    for (const from of [lab.a1.netns, lab.b1.netns, lab.boards[1].netns]) {
      t.is(names(await ask(from, `tcp://${vip}`, 10)).length, 1)
    }
  },
)

inLab('without an endpoint the connection is refused at once, not left to time out', async (t, lab) => {
  await route(lab, [service([]), service([], { protocol: 'UDP' })])
  for (const from of [lab.a1.netns, lab.boards[1].netns]) {
    t.deepEqual(await ask(from, `tcp://${vip}`), ['ECONNREFUSED'])
    t.deepEqual(await ask(from, `udp://${vip}`), ['ECONNREFUSED'])
  }
  t.deepEqual(await ask(lab.client, `tcp://${lab.boards[0].address}:${nodePort}`), ['ECONNREFUSED'])
  t.deepEqual(await ask(lab.client, `udp://${lab.boards[0].address}:${nodePort}`), ['ECONNREFUSED'])
})

inLab('an address of the service range that no service has is refused at once', async (t, lab) => {
  await route(lab, [service([lab.a1])])
  for (const from of [lab.a1.netns, lab.boards[0].netns]) {
    t.deepEqual(await ask(from, 'tcp://10.96.200.200:80'), ['ECONNREFUSED'])
    t.deepEqual(await ask(from, `tcp://${clusterIP}:81`), ['ECONNREFUSED'])
  }
})

inLab('after an endpoint is gone only the others answer, and only its elements were touched', async (t, lab) => {
  await route(lab, [service([lab.a1, lab.a2, lab.b1])])
  const change = await lab.boards[0].proxy.apply([service([lab.a1, lab.b1])])
  t.false(change.whole)
  t.deepEqual(names(await ask(lab.a2.netns, `tcp://${vip}`, 20)), ['a1', 'b1'])
})

inLab('a UDP client that keeps its port is moved off an endpoint that is gone', async (t, lab) => {
  if (!canUseNamespaces(t, ['conntrack'])) return
  const [one] = lab.boards
  await one.netns.run(['conntrack', '-F'])
  await one.proxy.apply([service([lab.b1], { protocol: 'UDP' })], one.wish)
  const asking = lab.a2.netns.run(askCommand(`udp-flow://${vip}`, 200))
  await until(async () => (await one.netns.run(['conntrack', '-L', '-p', 'udp'])).includes(`src=${lab.b1.endpoint.ip}`))
  await one.proxy.apply([service([lab.a1], { protocol: 'UDP' })])
  const answers: string[] = JSON.parse(await asking)
  t.is(names(answers.slice(0, 1))[0], 'b1')
  t.is(names(answers.slice(-1))[0], 'a1')
})

inLab('a change inside of a foreign table stays, and so does the table when ours is removed', async (t, lab) => {
  const { netns, proxy } = lab.boards[0]
  await netns.run(['nft', '-f', '-'], { stdin: 'table ip others { chain c { counter; }; }\n' })
  await route(lab, [service([lab.a1])])
  await proxy.apply([])
  await proxy.clear()
  await proxy.clear()
  const left = await netns.run(['nft', 'list', 'tables'])
  t.is(left.trim(), 'table ip others')
  t.regex(await netns.run(['nft', 'list', 'table', 'ip', 'others']), /counter/)
  await netns.run(['nft', 'delete', 'table', 'ip', 'others'])
})

inLab('rules that somebody flushed are back after the next change, or after a doubt', async (t, lab) => {
  const { netns, proxy, wish } = lab.boards[0]
  await route(lab, [service([lab.a1])])
  await netns.run(['nft', 'flush', 'ruleset'])
  proxy.invalidate()
  t.true((await proxy.apply([service([lab.a1])])).whole)
  t.deepEqual(names(await ask(lab.a2.netns, `tcp://${vip}`)), ['a1'])
  await netns.run(['nft', 'flush', 'ruleset'])
  t.true((await proxy.apply([service([lab.a1, lab.b1])], wish)).whole)
  t.deepEqual(names(await ask(lab.a2.netns, `tcp://${vip}`, 20)), ['a1', 'b1'])
})

inLab('a look at untouched rules finds nothing; one rule taken out by somebody is put back', async (t, lab) => {
  const { netns, wish } = lab.boards[0]
  const clock = new FakeClock()
  const proxy = createNftProxy({ clock, log: silentLog, run: netns.run })
  const services = [service([lab.a1, lab.b1])]
  await proxy.apply(services, wish)
  await proxy.apply([service([lab.a1])])
  await clock.advance(30_000)
  t.false((await proxy.apply([service([lab.b1])])).whole)
  await netns.run(['nft', 'flush', 'chain', 'ip', 'flotilla', 'prerouting'])
  await clock.advance(30_000)
  t.true((await proxy.apply(services)).whole)
  t.deepEqual(names(await ask(lab.a2.netns, `tcp://${vip}`, 20)), ['a1', 'b1'])
})

async function until(holds: () => Promise<boolean>, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it did not come to hold in time')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
