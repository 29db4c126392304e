import test, { type ExecutionContext } from 'ava'
import { type Identity, usernameOf } from '../../../contract/wire/identity.ts'
import { silentLog } from '../../../kit/log.ts'
import type { Credentials } from '../../../kit/x509.ts'
import { startEmbeddedBroker } from '../../../master/broker/embedded-broker.ts'
import { hasMosquitto } from '../../kit/bus/mosquitto.ts'
import { eventually } from '../../kit/eventually.ts'
import { byCertificate, Pki } from '../../support/pki.ts'
import { secureSocket, WireClient, type WireOptions } from '../../support/wire-client.ts'
import { type AccessCase, accessCases, embeddedCases, identities } from './access-cases.ts'
import { cluster, root } from './embedded-harness.ts'
import { startSecureMosquitto } from './secure-mosquitto.ts'

interface Arena {
  connect(who: Identity, options: Omit<WireOptions, 'socket'>): Promise<WireClient>
  master: WireClient
  /** False: a filter is granted whatever it is, and what may not be heard does not come. */
  refusesFilters: boolean
}

async function enterArena(
  ports: { port: number; joinPort: number },
  pki: Pki,
  refusesFilters: boolean,
): Promise<Arena> {
  const known = new Map<string, Credentials>()
  for (const who of identities) known.set(usernameOf(who), await pki.client(who))
  const connect: Arena['connect'] = async (who, options) => {
    const credentials = who.kind === 'joining' ? undefined : known.get(usernameOf(who))
    const tls = credentials ? { key: credentials.key, cert: credentials.certificate } : {}
    const socket = await secureSocket({ port: credentials ? ports.port : ports.joinPort, ...tls })
    return new WireClient({ socket, ...options })
  }
  const master = await connect({ kind: 'master' }, { clientId: 'master' })
  await master.enter()
  await master.subscribe(`${root}#`)
  return { connect, master, refusesFilters }
}

/** Resolves when all that the broker had got before has reached the master. */
async function settled({ master }: Arena, marker: string): Promise<void> {
  await master.publish(`${root}marker`, marker)
  await eventually('the marker', () => master.heard.includes(`${root}marker=${marker}`))
}

type Try = (arena: Arena, one: AccessCase, payload: string) => Promise<boolean>

const tryPublish =
  (retain: boolean): Try =>
  async (arena, { who, clientId, topic }, payload) => {
    const client = await arena.connect(who, { clientId })
    if (!(await client.enter())) return false
    await client.publish(topic, payload, retain)
    await settled(arena, payload)
    client.vanish()
    return arena.master.heard.includes(`${topic}=${payload}`)
  }

const tries: Record<AccessCase['does'], Try> = {
  publish: tryPublish(false),
  retain: tryPublish(true),
  will: async (arena, { who, clientId, topic }, payload) => {
    const will = { topic, payload: Buffer.from(payload), qos: 1 as const, retain: true }
    const client = await arena.connect(who, { clientId, will })
    if (!(await client.enter())) return false
    client.vanish()
    // Another's will, after which this one's would have come.
    const after = { topic: `${root}marker`, payload: Buffer.from(`after ${payload}`), qos: 1 as const }
    const next = await arena.connect({ kind: 'master' }, { clientId: 'after', will: after })
    await next.enter()
    next.vanish()
    await eventually('the second will', () => arena.master.heard.includes(`${root}marker=after ${payload}`))
    await settled(arena, payload)
    return arena.master.heard.includes(`${topic}=${payload}`)
  },
  hear: async (arena, { who, clientId, topic }, payload) => {
    const client = await arena.connect(who, { clientId })
    await client.enter()
    await client.subscribe(topic)
    await arena.master.publish(topic, payload)
    await settled(arena, payload)
    // One more answer on the same connection, behind whatever was sent to it.
    if (!client.closed) await client.subscribe(topic)
    client.vanish()
    return client.heard.includes(`${topic}=${payload}`)
  },
  subscribe: async (arena, { who, clientId, topic, allowed }, payload) => {
    const client = await arena.connect(who, { clientId })
    await client.enter()
    const granted = await client.subscribe(topic)
    if (arena.refusesFilters || allowed) return granted
    // Something of each kind that the filter would match.
    const secrets = [
      'nodes/board-2/wish/index',
      'clients/bob/laptop/replies',
      'join/fresh-2/replies',
      'nodes/board-2/beat',
    ]
    for (const secret of secrets) await arena.master.publish(`${root}${secret}`, payload)
    await settled(arena, payload)
    await client.subscribe(`${root}none`)
    client.vanish()
    return client.heard.some(message => message.endsWith(payload))
  },
}

async function holds(t: ExecutionContext, arena: Arena, cases: AccessCase[]): Promise<void> {
  const wrong: string[] = []
  for (const [index, one] of cases.entries()) {
    const allowed = await tries[one.does](arena, one, `case-${index}`)
    if (allowed !== one.allowed) {
      wrong.push(`${usernameOf(one.who)} ${one.does} ${one.topic}: ${allowed ? 'allowed' : 'refused'}`)
    }
  }
  t.deepEqual(wrong, [])
}

test('the embedded broker: each may what the cases say, over TLS', async t => {
  const pki = await Pki.create()
  const refused: string[] = []
  const broker = await startEmbeddedBroker({
    ...{ cluster, log: silentLog, policy: byCertificate, tls: await pki.server() },
    listen: [{ type: 'tls', host: '127.0.0.1', port: 0 }],
    limits: { eventsPerSecond: 10_000, acceptsPerAddress: { perSecond: 1000, burst: 1000 } },
    onEvent: event => void (event.type === 'refused' && refused.push(event.reason)),
  })
  t.teardown(() => broker.close())
  const [address] = broker.addresses
  const port = address && 'port' in address ? address.port : 0
  const cases = [...accessCases, ...embeddedCases]
  // Without a certificate there is no service account here; its tokens are the policy's.
  await holds(t, await enterArena({ port, joinPort: port }, pki, true), cases)
  const refusals = cases.filter(({ allowed }) => !allowed).length
  t.true(refused.length >= refusals, `${refused.length} events of ${refusals} refusals`)
  for (const reason of ['topic', 'retain', 'will', 'subscription'] as const) t.true(refused.includes(reason), reason)
})

test('mosquitto with the rendered configuration: each may what the cases say, over TLS', async t => {
  if (!hasMosquitto(t)) return
  const pki = await Pki.create()
  const { port, joinPort, close } = await startSecureMosquitto({ cluster, identities, tls: await pki.server() })
  t.teardown(close)
  await holds(t, await enterArena({ port, joinPort }, pki, false), accessCases)
})
