/** The embedded broker as the tests use it: on a free port of the loopback, and gone when the test ends. */
import type { ExecutionContext } from 'ava'
import { connectMqttBus, type MqttBus, waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { silentLog } from '../../../kit/log.ts'
import {
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
  startEmbeddedBroker,
} from '../../../master/broker/embedded-broker.ts'
import { allowAll } from '../../../master/broker/policy.ts'
import { MqttHarness } from '../../kit/bus/harness.ts'

export async function startBroker(
  t: ExecutionContext,
  options: Partial<EmbeddedBrokerOptions> = {},
): Promise<{ broker: EmbeddedBroker; port: number }> {
  const listen = [{ host: '127.0.0.1', port: 0 }]
  const broker = await startEmbeddedBroker({ listen, log: silentLog, policy: allowAll, ...options })
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
  return bus
}

export async function attached(t: ExecutionContext, broker: EmbeddedBroker, clientId: string): Promise<MqttBus> {
  const bus = attach(t, broker, clientId)
  await waitConnected(bus, 10_000)
  return bus
}

/** Clients with a wire each, to be closed by the test or its contract. */
export async function startEmbeddedHarness(t: ExecutionContext): Promise<MqttHarness> {
  const { broker, port } = await startBroker(t)
  return new MqttHarness(port, () => broker.close())
}
