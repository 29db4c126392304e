/** A master of the test's own with its broker on the loopback, and clients of it with a wire, TLS and a certificate each. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { ApiClient } from '../../cli/api-client.ts'
import { trustApiVersion, type User } from '../../contract/resources/trust.ts'
import type { ClientContext } from '../../contract/wire/client-config.ts'
import { masterServerName } from '../../contract/wire/identity.ts'
import { topicsOf } from '../../contract/wire/topics.ts'
import { connectMqttBus, type MqttBus, type MqttBusOptions, waitConnected } from '../../kit/bus/mqtt-bus.ts'
import { Requester } from '../../kit/bus/request.ts'
import { systemClock } from '../../kit/clock.ts'
import { silentLog } from '../../kit/log.ts'
import { systemRandom } from '../../kit/random.ts'
import { createCsr } from '../../kit/x509.ts'
import { type MasterOptions, startMaster } from '../../master/master.ts'
import { freePort } from '../kit/bus/mosquitto.ts'

export const topics = topicsOf('home')

export interface RunningMaster {
  options: MasterOptions
  port: number
  stop(): Promise<void>
}

export async function folder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-master-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export function masterOptions(dataDirectory: string, more: Partial<MasterOptions> = {}): MasterOptions {
  return {
    ...{ cluster: 'home', dataDirectory, listen: [], brokerUrl: undefined, profile: 'lan' },
    ...{ clusterCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/16' },
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
    ...more,
  }
}

export async function runMaster(t: ExecutionContext, dataDirectory: string, port?: number): Promise<RunningMaster> {
  const own = port ?? (await freePort())
  const options = masterOptions(dataDirectory, { listen: [{ type: 'tls', host: '127.0.0.1', port: own }] })
  const master = await startMaster(options)
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= master.stop()
    return stopping
  }
  t.teardown(stop)
  return { options, port: own, stop }
}

export async function adminOf({ options: { dataDirectory } }: { options: MasterOptions }): Promise<ClientContext> {
  return JSON.parse(await readFile(join(dataDirectory, 'admin.yaml'), 'utf8')).contexts[0]
}

/** Tries on by itself. */
export function connectAs(t: ExecutionContext, context: ClientContext, more: Partial<MqttBusOptions> = {}): MqttBus {
  const { ca, certificate, key, token, servers = [] } = context
  const bus = connectMqttBus({
    ...{ url: servers, clientId: `test-${systemRandom.suffix(8)}`, keepaliveSeconds: 60, log: silentLog },
    reconnectMs: { minMs: 20, maxMs: 100 },
    refusedMs: { minMs: 20, maxMs: 100 },
    tls: {
      servername: masterServerName,
      ...(ca && { ca }),
      ...(certificate && { cert: certificate }),
      ...(key && { key }),
    },
    ...(token && { username: 'token', password: token }),
    ...more,
  })
  t.teardown(() => bus.close())
  return bus
}

export async function apiOf(t: ExecutionContext, bus: MqttBus, username: string): Promise<ApiClient> {
  await waitConnected(bus, 10_000)
  const [clock, random] = [systemClock, systemRandom]
  const repliesTopic = topics.clientReplies({ username, client: bus.clientId })
  const requester = new Requester({ bus, repliesTopic, clock, random })
  await requester.start()
  t.teardown(() => requester.stop())
  return new ApiClient({ bus, requester, topics, username, clock, random })
}

export const makeUser = (name: string, spec: User['spec'] = {}): User => ({
  apiVersion: trustApiVersion,
  kind: 'User',
  metadata: { name },
  spec,
})

export async function newCsr(): Promise<{ csr: string; key: string }> {
  return createCsr({ commonName: 'whoever' })
}
