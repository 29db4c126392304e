import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { connectMqttBus, waitConnected } from '../../kit/bus/mqtt-bus.ts'
import { silentLog } from '../../kit/log.ts'
import { startEmbeddedBroker } from '../../master/broker/embedded-broker.ts'
import { eventually } from '../kit/eventually.ts'
import { allowAll } from '../support/allow-all.ts'
import { createFleet, writeContexts } from './harness.ts'

const program = join(import.meta.dirname, '../../flotilla.ts')

/** A pod on a board, behind a broker that other processes reach too; what the other side of its streams hears. */
async function open(t: ExecutionContext) {
  const listen = [{ host: '127.0.0.1', port: 0, type: 'plain' as const }]
  const broker = await startEmbeddedBroker({ cluster: 'home', listen, log: silentLog, policy: allowAll })
  t.teardown(() => broker.close())
  const connect = (clientId: string) =>
    connectMqttBus({
      ...{ url: 'mqtt://embedded', openSocket: () => broker.openSocket() },
      ...{ clientId, keepaliveSeconds: 60, log: silentLog },
    })
  const fleet = await createFleet(t, { broker: { connect } })
  await fleet.runningPod('web-1', 'board-1')
  const node = { opened: false, closed: false }
  await fleet.serveNode('board-1', async (_request, stream) => {
    node.opened = true
    await stream.sendBytes('stdout', Buffer.from('web-1 speaks\n'))
    await stream.closed
    node.closed = true
  })
  const spy = connect('spy')
  t.teardown(() => spy.close())
  const ends: string[] = []
  await waitConnected(spy, 5000)
  await spy.subscribe('flotilla/v1/home/clients/+/+/streams/+/up', ({ payload }) => {
    const part = JSON.parse(payload.toString())
    if ('e' in part) ends.push(part.e?.code ?? 'ended well')
  })
  const [address] = broker.addresses
  const port = address && 'port' in address ? address.port : 0
  const server = `mqtt://127.0.0.1:${port}`
  await writeContexts(fleet.folder, [{ name: 'home', cluster: 'home', server, username: 'test' }])
  return { broker, fleet, node, ends, start: (argv: string[]) => start(t, fleet.folder, argv) }
}

function start(t: ExecutionContext, home: string, argv: string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...argv], {
    env: { HOME: home },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

const lines: Array<[argv: string[], signal: NodeJS.Signals]> = [
  [['get', 'pods', '-w'], 'SIGINT'],
  [['get', 'pods', '-w'], 'SIGTERM'],
  [['logs', '-f', 'web-1'], 'SIGINT'],
  [['exec', '-i', 'web-1', '--', 'cat'], 'SIGINT'],
]
for (const [argv, signal] of lines) {
  test(`${signal} ends ${argv.join(' ')} by its name, and the other side learns of it`, async t => {
    const { broker, fleet, node, ends, start } = await open(t)
    const before = broker.counters().retainedMessages
    const child = start(argv)
    const [stderr, ended] = [text(child.stderr!), once(child, 'close')]
    const shown: string[] = []
    child.stdout!.setEncoding('utf8').on('data', part => shown.push(part))
    await eventually('what is there', () => shown.join('').includes('web-1'))
    // The watch begins after that.
    if (argv[0] === 'get') {
      await fleet.runningPod('web-2', 'board-1')
      await eventually('what comes', () => shown.join('').includes('web-2'))
    }
    child.kill(signal)
    t.is((await ended)[1], signal)
    await eventually('its end', () => ends.length > 0)
    t.deepEqual(ends, ['ended well'])
    if (node.opened) await eventually('the node has heard', () => node.closed)
    t.is(await stderr, '')
    t.is(broker.counters().retainedMessages, before, 'nothing is left at the broker')
  })
}

test('who stops reading without a word of its own ends a command that cannot write', async t => {
  const { node, start } = await open(t)
  const child = start(['logs', '-f', 'web-1'])
  child.stdout!.destroy()
  t.deepEqual(await once(child, 'close'), [0, null])
  await eventually('the node has heard', () => node.closed)
})
