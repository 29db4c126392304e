/** The embedded broker as the tests use it: on a free port of the loopback, and gone when the test ends. */
import type { ExecutionContext } from 'ava'
import { topicsOf } from '../../../contract/wire/topics.ts'
import type { Will } from '../../../kit/bus/bus.ts'
import { connectMqttBus, type MqttBus, waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { silentLog } from '../../../kit/log.ts'
import {
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
  startEmbeddedBroker,
} from '../../../master/broker/embedded-broker.ts'
import { MqttHarness, type Pace } from '../../kit/bus/harness.ts'
import { allowAll } from '../../support/allow-all.ts'
import { busBelow, willBelow } from '../../support/prefixed-bus.ts'

export const cluster = 'test'
/** Of all topics that anybody may use here at all. */
export const root: string = topicsOf(cluster).root

export async function startBroker(
  t: ExecutionContext,
  options: Partial<EmbeddedBrokerOptions> = {},
): Promise<{ broker: EmbeddedBroker; port: number }> {
  const listen = [{ type: 'plain' as const, host: '127.0.0.1', port: 0 }]
  const broker = await startEmbeddedBroker({ cluster, listen, log: silentLog, policy: allowAll, ...options })
  t.teardown(() => broker.close())
  const [address] = broker.addresses
  return { broker, port: address && 'port' in address ? address.port : 0 }
}

/** A client by the master's own way in; it tries on by itself. */
export function attach(t: ExecutionContext, broker: EmbeddedBroker, clientId: string): MqttBus {
  const bus = connectMqttBus({
    url: 'mqtt://embedded',
    openSocket: () => broker.openSocket(),
    clientId,
    keepaliveSeconds: 60,
    log: silentLog,
    reconnectMs: { minMs: 20, maxMs: 50 },
  })
  t.teardown(() => bus.close())
  return busBelow(root, bus)
}

export async function attached(t: ExecutionContext, broker: EmbeddedBroker, clientId: string): Promise<MqttBus> {
  const bus = attach(t, broker, clientId)
  await waitConnected(bus, 10_000)
  return bus
}

class EmbeddedHarness extends MqttHarness {
  override async connect(clientId: string, will?: Will, pace: Pace = {}): Promise<MqttBus> {
    return busBelow(root, await super.connect(clientId, will && willBelow(root, will), pace))
  }
}

/** Clients with a wire each, to be closed by the test or its contract. */
export async function startEmbeddedHarness(t: ExecutionContext): Promise<MqttHarness> {
  const { broker, port } = await startBroker(t)
  return new EmbeddedHarness(port, () => broker.close())
}
