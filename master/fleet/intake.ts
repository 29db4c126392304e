/** Nodes to master: takes in presence, beats and reports, and writes what they mean into the store. */
import type { NodeIdentity } from '../../contract/resources/trust.ts'
import type { Profile, Report } from '../../contract/wire/fleet.ts'
import { maxPacketBytes } from '../../contract/wire/limits.ts'
import type { NodeRequest } from '../../contract/wire/node-request.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import { type BadMessages, decodeJson } from '../../kit/bus/bad-messages.ts'
import type { Bus, Message } from '../../kit/bus/bus.ts'
import type { Requester } from '../../kit/bus/request.ts'
import type { Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Cache, Change } from '../store/cache.ts'
import type { EventRecorder } from '../store/event-recorder.ts'
import type { NodeUsageBoard } from '../store/node-usage.ts'
import type { Objects } from '../store/objects.ts'
import { nodeIdentityKind, nodeKind } from './kinds.ts'
import type { Leases } from './leases.ts'
import { bad } from './read-fields.ts'
import { readBeat, readNodeName, readPresence, readReport } from './read-report.ts'
import { component, ReportWriter } from './report-writer.ts'
import type { Sessions } from './sessions.ts'

export interface IntakeParts {
  bus: Bus
  topics: Topics
  requester: Requester
  objects: Objects
  cache: Cache
  events: EventRecorder
  usage: NodeUsageBoard
  leases: Leases
  sessions: Sessions
  twins: Twins
  profile: Profile
  clock: Clock
  log: Log
  badMessages: BadMessages
}

/** What the broker knows of two boards with one identity. */
export interface Twins {
  /** From where the agent with this session speaks; undefined when nobody knows. */
  addressOf(node: string, session: string): string | undefined
  /** A node has another: those that `Sessions` calls strangers are to be put out. */
  putOut(): void
}

/** Reports of one node that may wait for the store; beyond it they are dropped, and a full one is asked for. */
const maxBacklog = 50
/** A full report is asked for at most this often. */
const askAgainMs = 2000
const askTimeoutMs = 5000

export class Intake {
  #parts: IntakeParts
  #sessions: Sessions
  #writer: ReportWriter
  /** Reports of one node are taken in one after the other. */
  #turns = new Map<string, { tail: Promise<void>; waiting: number }>()
  #askedMs = new Map<string, number>()
  #endings: Array<() => void> = []

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#writer = new ReportWriter(parts)
    this.#sessions = parts.sessions
  }

  async start(): Promise<void> {
    const { bus, topics, leases, cache } = this.#parts
    this.#endings.push(
      this.#writer.start(),
      await bus.subscribe(topics.nodePresence('+'), message => this.#receive('presence', message)),
      await bus.subscribe(topics.nodeBeat('+'), message => this.#receive('beat', message)),
      await bus.subscribe(topics.nodeReport('+'), message => this.#receive('report', message)),
      leases.onChange((node, reachable) => {
        if (!reachable) this.#lose(node)
      }),
      cache.onChange(change => this.#learn(change)),
      // Without a broker nobody can be heard, which says nothing about the boards.
      bus.onDisconnect(() => leases.suspend()),
      bus.onConnect(() => leases.resume()),
    )
  }

  #learn({ kind, type, object }: Change): void {
    const { name } = object.metadata
    if (kind === nodeKind && type === 'delete') this.#removed(name)
    else if (kind === nodeIdentityKind && (type === 'delete' || isRevoked(object as unknown as NodeIdentity)))
      this.#cutOff(name)
  }

  async stop(): Promise<void> {
    for (const end of this.#endings.splice(0)) end()
    await Promise.all([...this.#turns.values()].map(({ tail }) => tail))
  }

  #receive(kind: 'presence' | 'beat' | 'report', message: Message): void {
    // A presence is cleared when its node is deleted.
    if (message.payload.length === 0) return
    this.#parts.badMessages.guard(kind, message, () => {
      // What somebody left at the broker is no sign of life, however often it is delivered.
      if (message.retained && kind !== 'presence') throw bad(`the ${kind}`, 'must not be retained')
      const node = readNodeName(this.#parts.topics.parseNode(message.topic)?.node)
      // A broker that is not ours may not know it yet.
      if (isRevoked(this.#parts.cache.get<NodeIdentity>(nodeIdentityKind, undefined, node)))
        throw bad(`the ${kind}`, 'must not be of a board that was revoked')
      const value = decodeJson(message, maxPacketBytes)
      if (kind === 'presence') this.#takePresence(node, value, message.retained)
      else if (kind === 'beat') this.#takeBeat(node, readBeat(value).session)
      else this.#takeReport(node, readReport(value))
    })
  }

  #takePresence(node: string, value: unknown, retained: boolean): void {
    const { online, session, reason } = readPresence(value)
    if (online && session !== undefined) {
      // A retained "online" may be older than the board's end: only a live one is a sign of life.
      // Its full report is under way; should it get lost, the next beat asks for it.
      if (!retained) this.#hear(node, session)
    } else if (!online && this.#sessions.end(node, session)) {
      if (reason === 'shutdown') this.#parts.leases.end(node, 'the board is shutting down')
      else this.#parts.leases.connectionLost(node)
    }
  }

  #takeBeat(node: string, session: string): void {
    if (this.#hear(node, session) && !this.#sessions.isComplete(node)) this.#askForReport(node)
  }

  /** False when the speaker is not the node's own agent. */
  #hear(node: string, session: string): boolean {
    if (!this.#sessions.admit(node, session)) {
      this.#refuseStranger(node, session)
      return false
    }
    this.#parts.leases.heard(node)
    return true
  }

  #takeReport(node: string, report: Report): void {
    const verdict = this.#sessions.judge(node, report)
    if (verdict === 'stranger') return this.#refuseStranger(node, report.session)
    this.#parts.leases.heard(node)
    if (verdict === 'repeated') return
    if (verdict === 'incomplete') return this.#askForReport(node)
    const turn = this.#turns.get(node) ?? { tail: Promise.resolve(), waiting: 0 }
    if (turn.waiting >= maxBacklog) return this.#sessions.doubt(node)
    turn.waiting += 1
    turn.tail = turn.tail
      .then(() => this.#store(node, report))
      .finally(() => {
        turn.waiting -= 1
        if (turn.waiting === 0) this.#turns.delete(node)
      })
    this.#turns.set(node, turn)
  }

  /** Never rejects: what cannot be stored is asked for again. */
  async #store(node: string, report: Report): Promise<void> {
    try {
      await this.#writer.write(node, report)
    } catch (error) {
      this.#parts.log.warn('cannot take in a report', { node, error })
      this.#sessions.doubt(node)
    }
  }

  /** While it is away its conditions and its pods' are overwritten: they must all be said again. */
  #lose(node: string): void {
    if (this.#parts.cache.get(nodeKind, undefined, node)) this.#sessions.doubt(node)
    else this.#forget(node)
  }

  /** Its object is gone. An agent that lives all the same registers anew, by saying everything. */
  #removed(node: string): void {
    const isAlive = this.#parts.leases.isReachable(node)
    this.#forget(node)
    if (isAlive) this.#askForReport(node)
  }

  /** Nothing it says from now on counts: its pods need not wait until it is missed. */
  #cutOff(node: string): void {
    this.#sessions.end(node, undefined)
    this.#parts.leases.end(node, 'the identity of the board was revoked')
  }

  #forget(node: string): void {
    this.#sessions.forget(node)
    this.#parts.leases.forget(node)
    this.#parts.usage.forget(node)
    this.#askedMs.delete(node)
    this.#askedMs.delete(strangerKey(node))
  }

  #refuseStranger(node: string, session: string): void {
    if (!this.#mayAsk(strangerKey(node))) return
    const { twins } = this.#parts
    const at = (whose: string | undefined): string | undefined => whose && twins.addressOf(node, whose)
    const [other, own] = [at(session) ?? 'unknown', at(this.#sessions.ownerOf(node)) ?? 'unknown']
    const message = `Another board (address: ${other}) has the identity of ${node} (address: ${own}), as when a card is copied after it joined: let one of the two join under another name`
    twins.putOut()
    this.#parts.log.warn(message)
    this.#parts.events.record(
      { apiVersion: 'v1', kind: 'Node', name: node },
      { type: 'Warning', reason: 'NodeNameConflict', message, component },
    )
  }

  #askForReport(node: string): void {
    if (!this.#mayAsk(node)) return
    const request: NodeRequest = { verb: 'report' }
    const { topics, requester } = this.#parts
    requester
      .request(topics.nodeRequests(node), request, {
        timeoutMs: askTimeoutMs,
        answeredOn: topics.nodeReplies(node),
      })
      .catch(error => this.#parts.log.debug('no full report yet', { node, reason: messageOf(error) }))
  }

  #mayAsk(key: string): boolean {
    const nowMs = this.#parts.clock.monotonic()
    if (nowMs - (this.#askedMs.get(key) ?? Number.NEGATIVE_INFINITY) < askAgainMs) return false
    this.#askedMs.set(key, nowMs)
    return true
  }
}

function isRevoked(identity: NodeIdentity | undefined): boolean {
  return identity?.spec.revoked === true
}

/** Beside node names, which have no slash. */
function strangerKey(node: string): string {
  return `stranger/${node}`
}
