import test, { type ExecutionContext } from 'ava'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import type { Bus } from '../../../kit/bus/bus.ts'
import type { Snapshot } from '../../../kit/bus/collection.ts'
import { CollectionPublisher } from '../../../kit/bus/collection-publisher.ts'
import { CollectionSubscriber } from '../../../kit/bus/collection-subscriber.ts'
import { Requester } from '../../../kit/bus/request.ts'
import { serveRequests } from '../../../kit/bus/serve-requests.ts'
import { type FrameStream, openStream, readBytesFrame, type StreamOptions } from '../../../kit/bus/stream.ts'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import { Relays } from '../../../master/api/relay.ts'
import type { Harness } from '../../kit/bus/harness.ts'
import { hasMosquitto, startMosquitto } from '../../kit/bus/mosquitto.ts'
import { eventually } from '../../kit/eventually.ts'
import { startEmbeddedHarness } from './embedded-harness.ts'

const limits = { windowBytes: 256 * 1024, chunkBytes: 32 * 1024, maxFrameBytes: 64 * 1024 }
const log = silentLog

function open(bus: Bus, side: StreamOptions['side'], prefix: string): Promise<FrameStream> {
  return openStream({ bus, side, prefix, clock: systemClock, ...limits })
}

/** A server that answers each request with a stream of `bytes` zeros, and says how many it has sent. */
async function serveBytes(bus: Bus, bytes: number): Promise<{ sent: number }> {
  const progress = { sent: 0 }
  await serveRequests({
    bus,
    topic: '+/requests',
    clock: systemClock,
    log,
    maxInFlight: 4,
    askerOf: () => ({ replies: 'client/replies', stream: id => `client/streams/${id}` }),
    handle: async (_body, context) => {
      const stream = await open(bus, 'server', context.stream ?? '')
      const send = async (): Promise<void> => {
        for (; progress.sent < bytes; progress.sent += limits.chunkBytes) {
          await stream.sendBytes('stdout', Buffer.alloc(limits.chunkBytes))
        }
        await stream.end()
      }
      send().catch(() => undefined) // The stream itself tells the other side.
      return { stream: true }
    },
  })
  return progress
}

const proofs: Record<string, (t: ExecutionContext, harness: Harness) => Promise<void>> = {
  'a request opens a stream, and a reader that pauses bounds what the writer sends': async (t, harness) => {
    const [board, client] = [await harness.connect('board'), await harness.connect('client')]
    const total = 8 * 1024 * 1024
    const progress = await serveBytes(board, total)
    const requester = new Requester({
      bus: client,
      repliesTopic: 'client/replies',
      clock: systemClock,
      random: systemRandom,
    })
    await requester.start()
    const stream = await open(client, 'opener', 'client/streams/1')
    const request = requester.request('client/requests', {}, { timeoutMs: 10_000, stream: '1' })
    t.deepEqual(await request, { stream: true })
    await eventually('the writer fills the window', () => progress.sent >= limits.windowBytes / 2)
    // Long enough for all of it, had nothing held the writer back.
    for (let round = 0; round < 50; round++) await client.publish('elsewhere', 'x')
    t.true(progress.sent <= limits.windowBytes, `${progress.sent} bytes went to a reader that takes none`)
    let received = 0
    for await (const frame of stream.frames) received += readBytesFrame(frame)?.data.length ?? 0
    t.is(received, total)
    t.is(await stream.closed, undefined)
    await requester.stop()
  },

  'a stream that is relayed by a third comes whole and in order, held up by its reader, and leaves nothing': async (
    t,
    harness,
  ) => {
    const [board, client] = [await harness.connect('board'), await harness.connect('client')]
    const relays = new Relays({
      bus: await harness.connect('master'),
      clock: systemClock,
      badMessages: new BadMessages(log),
    })
    const ends = { client: 'clients/alice/client/streams/1', node: 'nodes/board/streams/2' }
    const near = await open(client, 'opener', ends.client)
    await relays.open(ends)
    const far = await open(board, 'server', ends.node)
    const total = 8 * 1024 * 1024
    const progress = { sent: 0 }
    const writing = (async () => {
      for (; progress.sent < total; progress.sent += limits.chunkBytes)
        await far.sendBytes('stdout', Buffer.alloc(limits.chunkBytes, progress.sent / limits.chunkBytes))
      await far.end()
    })()
    await eventually('the writer fills the window', () => progress.sent >= limits.windowBytes / 2)
    // Long enough for all of it, had nothing held the writer back.
    for (let round = 0; round < 50; round++) await client.publish('elsewhere', 'x')
    t.true(progress.sent <= limits.windowBytes, `${progress.sent} bytes went to a reader that takes none`)
    const seen = { bytes: 0, chunks: 0, inOrder: true }
    for await (const frame of near.frames) {
      const data = readBytesFrame(frame)?.data ?? Buffer.alloc(0)
      seen.inOrder &&= data.every(byte => byte === seen.chunks % 256)
      seen.bytes += data.length
      seen.chunks++
    }
    await writing
    t.deepEqual(seen, { bytes: total, chunks: total / limits.chunkBytes, inOrder: true })
    t.deepEqual(await Promise.all([near.closed, far.closed]), [undefined, undefined])
    t.is(relays.count, 0)
  },

  'a stream ends on both sides when the wire is cut': async (t, harness) => {
    const [board, client] = [await harness.connect('board'), await harness.connect('client')]
    const shared = { prefix: 'streams/x/1', clock: systemClock, ...limits, idleMs: 50 }
    const far = await openStream({ bus: board, side: 'server', ...shared })
    const near = await openStream({ bus: client, side: 'opener', ...shared })
    harness.cut('client')
    t.is((await near.closed)?.code, 'ServiceUnavailable')
    t.is((await far.closed)?.code, 'Timeout')
  },

  'a collection reaches a board whole, and again after its wire was cut': async (t, harness) => {
    const [master, board] = [await harness.connect('master'), await harness.connect('board')]
    const publisher = new CollectionPublisher({ bus: master, prefix: 'wish', epoch: 1, log })
    const wish = (round: number): Map<string, unknown> =>
      new Map(Array.from({ length: 120 }, (_, index) => [`pod-${index}`, { index, round: index < 3 ? round : 0 }]))
    const got: Snapshot[] = []
    const subscriber = new CollectionSubscriber({
      bus: board,
      prefix: 'wish',
      log,
      onComplete: state => got.push(state),
    })
    await subscriber.start()
    await publisher.publish(wish(1))
    await eventually('the first state', () => got.at(-1)?.generation === 1)
    harness.cut('board')
    await eventually('the end', () => !board.connected)
    for (const round of [2, 3, 4]) await publisher.publish(wish(round))
    harness.mend('board')
    await eventually('the last state', () => got.at(-1)?.generation === 4)
    t.deepEqual(Object.fromEntries(got.at(-1)?.documents ?? []), Object.fromEntries(wish(4)))
    t.deepEqual(
      got.map(({ generation }) => generation),
      [1, 4],
    )
    await publisher.remove()
  },
}

for (const [title, proof] of Object.entries(proofs)) {
  test(`embedded broker: ${title}`, async t => {
    const harness = await startEmbeddedHarness(t)
    t.teardown(() => harness.close())
    await proof(t, harness)
  })

  test(`mosquitto: ${title}`, async t => {
    if (!hasMosquitto(t)) return
    const harness = await startMosquitto()
    t.teardown(() => harness.close())
    await proof(t, harness)
  })
}
