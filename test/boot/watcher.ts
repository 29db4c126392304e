/** Looks into the cluster again and again while a board starts, by one connection: a program started for each look would slow the board down. */
import { readFileSync } from 'node:fs'
import { ApiClient } from '../../cli/api-client.ts'
import { kindNamed, targetOf } from '../../cli/resource-args.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { ClientConfig } from '../../contract/wire/client-config.ts'
import { masterServerName } from '../../contract/wire/identity.ts'
import { topicsOf } from '../../contract/wire/topics.ts'
import { connectMqttBus, type MqttBus } from '../../kit/bus/mqtt-bus.ts'
import { Requester } from '../../kit/bus/request.ts'
import { systemClock } from '../../kit/clock.ts'
import { silentLog } from '../../kit/log.ts'
import { systemRandom } from '../../kit/random.ts'

export class Watcher {
  #bus: MqttBus
  #requester: Requester
  #api: ApiClient

  private constructor(bus: MqttBus, requester: Requester, api: ApiClient) {
    this.#bus = bus
    this.#requester = requester
    this.#api = api
  }

  /** As the first context of a configuration; connects again by itself when the master is back. */
  static async open(configPath: string): Promise<Watcher> {
    const { contexts } = JSON.parse(readFileSync(configPath, 'utf8')) as ClientConfig
    const { cluster, servers = [], username = '', ca = '', certificate = '', key = '' } = contexts[0]!
    const [clock, random, topics] = [systemClock, systemRandom, topicsOf(cluster)]
    const bus = connectMqttBus({
      ...{ url: servers[0]!, clientId: `boot-${random.suffix(8)}`, keepaliveSeconds: 15, log: silentLog },
      tls: { servername: masterServerName, ca, cert: certificate, key },
    })
    const repliesTopic = topics.clientReplies({ username, client: bus.clientId })
    const requester = new Requester({ bus, repliesTopic, clock, random })
    await requester.start()
    return new Watcher(bus, requester, new ApiClient({ bus, requester, topics, username, clock, random }))
  }

  /** Of the namespace `default`, where it has one. Rejects while the master is away. */
  async list<T = AnyObject>(kind: string): Promise<T[]> {
    const row = kindNamed(kind)
    const { items } = await this.#api.list(targetOf(row, row.namespaced ? 'default' : undefined))
    return items as unknown as T[]
  }

  async close(): Promise<void> {
    await this.#requester.stop()
    await this.#bus.close()
  }
}
