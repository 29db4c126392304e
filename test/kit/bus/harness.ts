/** What the contract of the Bus port needs of a broker, and how to get it from one that speaks MQTT. */
import type { Bus, Will } from '../../../kit/bus/bus.ts'
import { connectMqttBus, type MqttBus, type MqttBusOptions, waitConnected } from '../../../kit/bus/mqtt-bus.ts'
import { silentLog } from '../../../kit/log.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

export interface Harness {
  /** Connected when it resolves. Each client has a wire of its own. */
  connect(clientId: string, will?: Will): Promise<Bus>
  /** Breaks the client's connection without a goodbye, and keeps it from coming back until `mend`. */
  cut(clientId: string): void
  mend(clientId: string): void
  close(): Promise<void>
}

export type Pace = Partial<Pick<MqttBusOptions, 'keepaliveSeconds' | 'pingSeconds'>>

export class MqttHarness implements Harness {
  #brokerPort: number
  #closeBroker: () => Promise<void>
  #proxies = new Map<string, TcpProxy>()
  #buses: MqttBus[] = []

  constructor(brokerPort: number, closeBroker: () => Promise<void>) {
    this.#brokerPort = brokerPort
    this.#closeBroker = closeBroker
  }

  async connect(clientId: string, will?: Will, pace: Pace = {}): Promise<MqttBus> {
    const proxy = this.#proxies.get(clientId) ?? (await startTcpProxy(this.#brokerPort))
    this.#proxies.set(clientId, proxy)
    const bus = connectMqttBus({
      url: `mqtt://127.0.0.1:${proxy.port}`,
      clientId,
      ...{ keepaliveSeconds: 60, ...pace },
      log: silentLog,
      reconnectMs: { minMs: 20, maxMs: 50 },
      ...(will && { will }),
    })
    this.#buses.push(bus)
    await waitConnected(bus, 10_000)
    return bus
  }

  cut(clientId: string): void {
    this.#proxies.get(clientId)?.cut()
  }

  get port(): number {
    return this.#brokerPort
  }

  mend(clientId: string): void {
    this.#proxies.get(clientId)?.mend()
  }

  freeze(clientId: string): void {
    this.#proxies.get(clientId)?.freeze()
  }

  async close(): Promise<void> {
    await Promise.all(this.#buses.map(bus => bus.close()))
    await Promise.all([...this.#proxies.values()].map(proxy => proxy.close()))
    await this.#closeBroker()
  }
}
