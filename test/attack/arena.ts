/** What the attacks are given: where the broker is, who they may pretend to be, and whom they attack. */
import { accessOf } from '../../contract/wire/access.ts'
import type { ApiRequest } from '../../contract/wire/api.ts'
import type { Identity } from '../../contract/wire/identity.ts'
import { topicsOf } from '../../contract/wire/topics.ts'
import { connectMqttBus, waitConnected } from '../../kit/bus/mqtt-bus.ts'
import { Requester } from '../../kit/bus/request.ts'
import { matchesTopic } from '../../kit/bus/topic-match.ts'
import { sleep, systemClock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { silentLog } from '../../kit/log.ts'
import { systemRandom } from '../../kit/random.ts'
import { type Pair, RawClient, type Target } from './raw-client.ts'

export interface Arena {
  target: Target
  /** Where boards without a certificate are let in: the same, but for Mosquitto. */
  joinTarget: Target
  cluster: string
  ca: string
  /** `node`: of the hostile board. `user`: may only look at one namespace. The others should not get in at all. */
  pairs: Record<'node' | 'user' | 'expired' | 'foreign' | 'selfSigned' | 'revokedUser' | 'wrongKey' | 'server', Pair>
  /** Names behind the pairs. */
  nodeName: string
  userName: string
  otherNode: string
  /** Of the hostile board's neighbour: a pod with a service account, and a Secret. */
  otherPod: { namespace: string; name: string; uid: string; serviceAccount: string }
  /** A namespace that the user may look at, and one that it may not. */
  namespace: string
  foreignNamespace: string
  /** Whole tokens (`id.secret`). */
  joinTokens: Record<'used' | 'expired' | 'revoked' | 'bound' | 'fresh', string>
  /** JWTs that must not work. */
  bearers: Record<'unsigned' | 'forged' | 'deleted', string>
  /** The planted secret: nobody here may ever hear it. */
  secret: string
}

export interface Attack {
  name: string
  /** What must come of it. */
  expect: RegExp
  /** The broker's word for it, which must be counted. Absent where the API refuses. */
  counted?: string
  /**
   * What must come of it on Mosquitto, which tells nobody that it refuses: it acknowledges and drops, grants and stays silent.
   * Absent: the same. `cannot`: Mosquitto does not hold this (docs/decisions/0011).
   */
  onMosquitto?: RegExp | 'cannot'
  run: (arena: Arena) => Promise<string>
}

/** On Mosquitto: not heard by anybody, which the test asks afterwards. */
export const unheard = /^(closed|puback)$/
export const silent = /heard 0$/

/** Opens, admitted, as one of the pairs. Throws when it is not let in: then the attack was never made. */
export async function enter(
  { target, joinTarget }: Arena,
  { pair, clientId = `raw-${systemRandom.suffix(8)}` }: { pair?: Pair; clientId?: string },
): Promise<RawClient> {
  const client = await RawClient.overTls(pair ? target : joinTarget, pair)
  const answer = await client.connect({ clientId, ...(pair ? {} : { username: 'join' }) })
  if (answer !== 'connack 0') throw new Error(`the attacker did not get in: ${answer} ${client.reason}`)
  return client
}

/** How long a broker may take to send what it keeps under a filter that it should not have granted. */
const listenMs = 100

/**
 * What the broker says to a subscription, and how much comes of it that one may not hear: on Mosquitto a wide filter brings what
 * one may hear, and nothing else.
 */
export async function listenAs(
  arena: Arena,
  identity: Identity,
  options: { pair?: Pair; filter: string },
): Promise<string> {
  const client = await enter(arena, options)
  const answer = await client.subscribe(options.filter)
  await sleep(systemClock, listenMs)
  const { hear } = accessOf(arena.cluster, identity, '+')
  const heard = client.heard.filter(topic => !hear.some(filter => matchesTopic(filter, topic))).length
  client.end()
  return `${answer}, heard ${heard}`
}

/** Resolves to `ok`, or to the code of the refusal. */
export async function askApi(
  { target, cluster, ca }: Arena,
  { pair, username, request, as = username }: { pair: Pair; username: string; request: ApiRequest; as?: string },
): Promise<string> {
  const client = `raw-${systemRandom.suffix(8)}`
  const topics = topicsOf(cluster)
  const bus = connectMqttBus({
    url: `mqtts://${target.host}:${target.port}`,
    clientId: client,
    keepaliveSeconds: 30,
    tls: { ca, cert: pair.certificate, key: pair.key },
    log: silentLog,
  })
  const parts = { clock: systemClock, random: systemRandom }
  const requester = new Requester({ bus, repliesTopic: topics.clientReplies({ username, client }), ...parts })
  try {
    await waitConnected(bus, 5000)
    await requester.start()
    await requester.request(topics.clientRequests({ username: as, client }), request, {
      timeoutMs: 5000,
      stream: 'shell',
    })
    return 'ok'
  } catch (error) {
    return error instanceof CodedError ? error.code : String(error)
  } finally {
    await requester.stop()
    await bus.close()
  }
}
