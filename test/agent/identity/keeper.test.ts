import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadIdentity } from '../../../agent/identity/identity.ts'
import { CertificateKeeper, type KeeperParts } from '../../../agent/identity/keeper.ts'
import { watchForTwin } from '../../../agent/identity/twin-watch.ts'
import type { ConnectionFailure } from '../../../kit/bus/connection-failure.ts'
import { CodedError } from '../../../kit/errors.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { seededRandom } from '../../../kit/random.ts'
import { eventually } from '../../kit/eventually.ts'
import { recordingLog, startCluster } from './cluster.ts'
import { joinedDirectory } from './node.ts'

const hourMs = 60 * 60_000
const dayMs = 24 * hourMs

/** A bus that connects and fails when it is told to. */
class ScriptedBus {
  connected = false
  reconnects = 0
  #onConnect = new Set<() => void>()
  #onFailure = new Set<(failure: ConnectionFailure) => void>()

  onConnect(handler: () => void): () => void {
    this.#onConnect.add(handler)
    return () => this.#onConnect.delete(handler)
  }

  onFailure(handler: (failure: ConnectionFailure) => void): () => void {
    this.#onFailure.add(handler)
    return () => this.#onFailure.delete(handler)
  }

  async reconnect(): Promise<void> {
    this.reconnects++
  }

  connect(): void {
    this.connected = true
    for (const handler of this.#onConnect) handler()
  }

  fail(kind: ConnectionFailure['kind']): void {
    this.connected = false
    for (const handler of this.#onFailure) handler({ kind, reason: 'scripted' })
  }
}

async function keeperOf(t: ExecutionContext, parts: Partial<KeeperParts> = {}) {
  const cluster = await startCluster(t)
  const dataDirectory = await joinedDirectory(t, cluster)
  const clock = new FakeClock(Date.now())
  const { log, lines } = recordingLog()
  const identity = await loadIdentity({ dataDirectory, clock, log })
  if (!identity) throw new Error('the board has not joined')
  const bus = new ScriptedBus()
  const calls = { sign: 0, renew: 0 }
  const sign = async (): Promise<never> => {
    calls.sign++
    throw new CodedError('ServiceUnavailable', 'the master is away')
  }
  const renew = async (): Promise<never> => {
    calls.renew++
    throw new CodedError('Forbidden', 'board-1 was revoked')
  }
  const keeper = new CertificateKeeper({
    identity,
    bus,
    api: { sign },
    renew,
    clock,
    random: seededRandom(1),
    log,
    ...parts,
  })
  t.teardown(() => keeper.stop())
  keeper.start()
  /** The keeper reads and writes files between two turns of the fake clock. */
  const pass = async (ms: number, steps = 1): Promise<void> => {
    for (let step = 0; step < steps; step++) {
      await clock.advance(ms / steps)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  /** As many quarters of an hour as it takes. */
  const passUntil = (what: string, probe: () => boolean): Promise<boolean> =>
    eventually(what, async () => {
      await pass(15 * 60_000)
      return probe()
    })
  return { identity, dataDirectory, bus, calls, clock, lines, pass, passUntil }
}

test('a certificate is left alone for two thirds of its life, and then asked for while there is a master', async t => {
  const { bus, calls, pass, passUntil } = await keeperOf(t)
  bus.connect()
  await pass(59 * dayMs, 20)
  t.is(calls.sign, 0)
  bus.connected = false
  await pass(6 * dayMs, 20)
  t.is(calls.sign, 0)
  bus.connect()
  await passUntil('the request', () => calls.sign > 0)
  t.is(calls.renew, 0)
})

test('a certificate that cannot be renewed yet is told about once', async t => {
  const { bus, lines, pass, passUntil, calls } = await keeperOf(t)
  bus.connect()
  await pass(66 * dayMs, 20)
  await passUntil('some tries', () => calls.sign > 5)
  t.is(lines.filter(line => line.includes('cannot renew the certificate of this node yet')).length, 1)
})

test('who is refused asks again ever more slowly, and says once what it means', async t => {
  const { bus, calls, clock, lines, pass } = await keeperOf(t)
  const begunMs = clock.monotonic()
  await eventually('a dozen tries', async () => {
    bus.fail('refused')
    await pass(60_000)
    return calls.renew >= 12
  })
  // After 1, 2, 4 … minutes and then each hour, of which chance takes half at most.
  t.true(clock.monotonic() - begunMs > 3 * hourMs)
  t.is(lines.filter(line => line.includes('the master does not let this node in')).length, 1)
})

test('a master that is away, or that is somebody else, is nothing to renew for', async t => {
  const { bus, calls, pass } = await keeperOf(t)
  bus.fail('ended')
  bus.fail('untrusted')
  await pass(dayMs, 20)
  t.deepEqual(calls, { sign: 0, renew: 0 })
})

test('a node that is put out again and again says that it may have a twin; one bad connection says nothing', async t => {
  const clock = new FakeClock()
  const { log, lines } = recordingLog()
  const bus = new ScriptedBus()
  t.teardown(watchForTwin({ bus, nodeName: 'board-1', clock, log }))
  const stand = async (ms: number): Promise<void> => {
    bus.connect()
    await clock.advance(ms)
    bus.fail('ended')
    bus.fail('ended')
  }
  for (const ms of [1000, 1000, 60_000, 1000, 1000]) await stand(ms)
  t.deepEqual(lines, [])
  for (let round = 0; round < 5; round++) await stand(1000)
  t.is(lines.length, 1)
  t.regex(lines[0] ?? '', /second board has the identity of node board-1.*flotilla join --force/)
})

test('a board that was joined as another by hand is told to start its agent again, not to join once more', async t => {
  const { bus, dataDirectory, lines, passUntil } = await keeperOf(t)
  const fileOf = (directory: string): string => join(directory, 'identity', 'identity.json')
  const { dataDirectory: other } = await keeperOf(t)
  const joined = JSON.parse(await readFile(fileOf(other), 'utf8'))
  await writeFile(fileOf(dataDirectory), JSON.stringify({ ...joined, nodeName: 'kitchen' }))
  bus.fail('refused')
  t.true(await passUntil('a word about it', () => lines.some(line => line.includes('has become node kitchen'))))
  t.regex(lines.join('\n'), /remedy="systemctl restart flotilla-agent"/)
})
