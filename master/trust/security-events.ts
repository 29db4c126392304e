/** What the broker refuses, as Events: seen by `flotilla events`, and not so many that they push out the others. */
import type { ObjectReference } from '../../contract/resources/core.ts'
import { trustApiVersion } from '../../contract/resources/trust.ts'
import { type Identity, usernameOf } from '../../contract/wire/identity.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { RefusalReason } from '../broker/policy.ts'
import type { EventRecorder } from '../store/event-recorder.ts'
import { RateLimit } from '../store/rate-limit.ts'
import { masterComponent, masterReference, quote } from './refusals.ts'

/** What the broker tells of one. */
export interface BrokerRefusal {
  reason: RefusalReason
  identity?: Identity | undefined
  clientId?: string | undefined
  address: string
  /** For people; holds no secret. May hold words of whoever was refused. */
  detail: string
}

/** For each reason: so many at once, then one in this time. The broker counts all of them. */
const perReason = { burst: 10, refillMs: 10_000, maxKeys: 64 }

export class SecurityEvents {
  #events: EventRecorder
  #log: Log
  #rate: RateLimit

  constructor({ events, clock, log }: { events: EventRecorder; clock: Clock; log: Log }) {
    this.#events = events
    this.#log = log
    this.#rate = new RateLimit({ clock, ...perReason })
  }

  /** Quick, and never throws: it is called in the middle of the traffic. */
  tell({ reason, identity, clientId, address, detail }: BrokerRefusal): void {
    if (!this.#rate.take(reason)) return
    const who = identity === undefined ? 'somebody' : usernameOf(identity)
    const said = quote(detail).slice(1, -1)
    // Without the client's id: the same again from the same address is counted as one Event.
    const message = `${who} at ${quote(address).slice(1, -1)} was refused (${reason}): ${said}`
    this.#events.record(aboutOf(identity), {
      type: 'Warning',
      reason: `Refused${camel(reason)}`,
      message,
      component: masterComponent,
    })
    this.#log.info('refused', {
      who,
      address,
      reason,
      detail: said,
      ...(clientId !== undefined && { client: quote(clientId) }),
    })
  }
}

/** `too-many-connections` → `TooManyConnections`: as reasons of Events are written. */
function camel(words: string): string {
  return words.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function aboutOf(identity: Identity | undefined): ObjectReference {
  switch (identity?.kind) {
    case 'node':
      return { apiVersion: 'v1', kind: 'Node', name: identity.name }
    case 'user':
    case 'tool':
      return { apiVersion: trustApiVersion, kind: 'User', name: identity.name }
    case 'serviceAccount':
      return { apiVersion: 'v1', kind: 'ServiceAccount', name: identity.name, namespace: identity.namespace }
    default:
      return masterReference
  }
}
