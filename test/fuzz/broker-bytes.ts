/** Bytes that an MQTT client sends, given to a whole broker: right packets with something wrong in them, in any order. */
import { setImmediate } from 'node:timers/promises'
import { silentLog } from '../../kit/log.ts'
import type { BrokerCounters } from '../../master/broker/broker-events.ts'
import { startEmbeddedBroker } from '../../master/broker/embedded-broker.ts'
import { connectPacket, packet, publishPacket, subscribePacket } from '../attack/packets.ts'
import { allowAll } from '../support/allow-all.ts'

const topic = 'flotilla/v1/home/clients/admin/x/requests'

export const conversations: readonly Buffer[] = [
  Buffer.concat([connectPacket({ clientId: 'x' }), subscribePacket([topic, '#']), publishPacket(topic, 'payload')]),
  Buffer.concat([
    connectPacket({ clientId: 'y', username: 'u', password: 'p', will: { topic, payload: 'gone', retain: true } }),
    publishPacket(topic, 'kept', { retain: true }),
    publishPacket(topic, 'half', { qos: 2, id: 2 }),
    packet(0xc0, []),
    packet(0xe0, []),
  ]),
]

/** Of the event loop, until what was sent has been read, answered, and answered to: nothing here waits for a clock. */
const turns = 60

/** A broker of its own for each input: what one input leaves behind would be the next one's puzzle. */
export async function feedBroker(bytes: Buffer): Promise<BrokerCounters> {
  const broker = await startEmbeddedBroker({ cluster: 'home', listen: [], policy: allowAll, log: silentLog })
  try {
    const socket = broker.openSocket()
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(bytes)
    for (let turn = 0; turn < turns; turn++) await setImmediate()
    const counters = broker.counters()
    socket.destroy()
    return counters
  } finally {
    await broker.close()
  }
}
