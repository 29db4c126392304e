/** The embedded broker behind TLS, with all that it told, and clients with certificates. */
import type { ExecutionContext } from 'ava'
import type { Identity } from '../../../contract/wire/identity.ts'
import type { BrokerEvent } from '../../../master/broker/broker-events.ts'
import type { EmbeddedBroker, EmbeddedBrokerOptions } from '../../../master/broker/embedded-broker.ts'
import { byCertificate, Pki } from '../../support/pki.ts'
import { secureSocket, WireClient, type WireOptions } from '../../support/wire-client.ts'
import { startBroker } from './embedded-harness.ts'

export interface SecureBroker {
  broker: EmbeddedBroker
  port: number
  pki: Pki
  events: BrokerEvent[]
  /** Reasons of the refusals told so far. */
  refused(): string[]
  /** Has sent its CONNECT. */
  call(who: Identity | undefined, options: Omit<WireOptions, 'socket'>): Promise<WireClient>
  /** Is in. */
  enter(who: Identity, clientId: string): Promise<WireClient>
}

export async function startSecureBroker(
  t: ExecutionContext,
  options: Partial<EmbeddedBrokerOptions> = {},
): Promise<SecureBroker> {
  const pki = await Pki.create()
  const events: BrokerEvent[] = []
  const listen = [{ type: 'tls' as const, host: '127.0.0.1', port: 0 }]
  const { broker, port } = await startBroker(t, {
    ...{ listen, tls: await pki.server(), policy: byCertificate, onEvent: event => void events.push(event) },
    ...options,
  })
  const call: SecureBroker['call'] = async (who, wire) => {
    const credentials = who && (await pki.client(who))
    const tls = credentials ? { key: credentials.key, cert: credentials.certificate } : {}
    const socket = await secureSocket({ port, ...tls })
    t.teardown(() => socket.destroy())
    return new WireClient({ socket, ...wire })
  }
  const enter: SecureBroker['enter'] = async (who, clientId) => {
    const client = await call(who, { clientId })
    t.true(await client.enter())
    return client
  }
  const refused = (): string[] => events.flatMap(event => (event.type === 'refused' ? [event.reason] : []))
  return { broker, port, pki, events, refused, call, enter }
}

export const board: Identity = { kind: 'node', name: 'board-1' }
export const alice: Identity = { kind: 'user', name: 'alice' }
export const bob: Identity = { kind: 'user', name: 'bob' }
