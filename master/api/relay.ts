/** Carries the frames of logs and shells between a client and a node, unread: the two never speak to each other. */
import { streamWindowBytes } from '../../contract/wire/limits.ts'
import { type BadMessages, refuseRetained } from '../../kit/bus/bad-messages.ts'
import type { Bus, Message, Unsubscribe } from '../../kit/bus/bus.ts'
import { givenUp, isStreamEnd, silentRounds, streamIdleMs } from '../../kit/bus/stream-parts.ts'
import type { Cancel, Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'

export interface RelayParts {
  bus: Bus
  clock: Clock
  badMessages: BadMessages
}

/** Topic prefixes of the two halves of a stream: the client opened one, the master has the node serve the other. */
export interface RelayEnds {
  client: string
  node: string
}

export interface Relay {
  /** Tells both sides why nothing more will come. */
  giveUp(error: CodedError): Promise<void>
  /** Resolves when nothing more will be carried, for whatever reason. Never rejects. */
  closed: Promise<void>
}

/** Both sides speak at least every `streamIdleMs`, and give up by themselves first. */
const silenceMs = streamIdleMs * (silentRounds + 1)
/** The two sides' own credit keeps what is under way far below this; who ignores it is cut off. */
const maxUnderWayBytes = 4 * streamWindowBytes

export class Relays {
  #parts: RelayParts
  #open = new Set<RunningRelay>()

  constructor(parts: RelayParts) {
    this.#parts = parts
  }

  get count(): number {
    return this.#open.size
  }

  /** Resolves when both subscriptions stand. How many there may be is for the caller to say. */
  async open(ends: RelayEnds): Promise<Relay> {
    const relay = new RunningRelay(this.#parts, ends)
    this.#open.add(relay)
    void relay.closed.then(() => this.#open.delete(relay))
    await relay.start()
    return relay
  }

  async stop(): Promise<void> {
    const ending = new CodedError('ServiceUnavailable', 'cannot go on with the stream: because the master is ending')
    await Promise.all([...this.#open].map(relay => relay.giveUp(ending)))
  }
}

interface Way {
  from: string
  to: string
  heardAtMs: number
}

class RunningRelay implements Relay {
  #parts: RelayParts
  #up: Way
  #down: Way
  readonly closed: Promise<void>
  #resolveClosed: () => void
  #undo: Unsubscribe[] = []
  #cancelCheck: Cancel = () => undefined
  #underWayBytes = 0
  #closed = false

  constructor(parts: RelayParts, { client, node }: RelayEnds) {
    const heardAtMs = parts.clock.monotonic()
    this.#parts = parts
    this.#up = { from: `${client}/up`, to: `${node}/up`, heardAtMs }
    this.#down = { from: `${node}/down`, to: `${client}/down`, heardAtMs }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
  }

  async start(): Promise<void> {
    const { bus } = this.#parts
    try {
      for (const way of [this.#up, this.#down])
        this.#undo.push(await bus.subscribe(way.from, message => this.#carry(way, message)))
    } catch (error) {
      this.#close()
      throw error
    }
    // What was under way then is lost; each side learns of it by a gap or by silence.
    this.#undo.push(bus.onDisconnect(() => this.#close()))
    this.#check()
  }

  async giveUp(error: CodedError): Promise<void> {
    if (this.#closed) return
    this.#close()
    const { bus } = this.#parts
    const told = [this.#up, this.#down].map(({ to }) => bus.publish(to, givenUp(error)))
    // Who cannot be told learns of it by silence.
    await Promise.allSettled(told)
  }

  #carry(way: Way, message: Message): void {
    const { bus, clock, badMessages } = this.#parts
    const { payload } = message
    if (this.#closed) return
    if (message.retained) return badMessages.guard('stream frame', message, () => refuseRetained(message))
    way.heardAtMs = clock.monotonic()
    this.#underWayBytes += payload.length
    if (this.#underWayBytes > maxUnderWayBytes) {
      const reason = 'a side of it sends more than the other has asked for'
      void this.giveUp(new CodedError('TooManyRequests', `cannot go on with the stream: because ${reason}`))
      return
    }
    bus.publish(way.to, payload).then(
      () => {
        this.#underWayBytes -= payload.length
      },
      // The connection is gone, or the frame is larger than a packet may be: either way the stream now has a gap.
      () => this.giveUp(new CodedError('ServiceUnavailable', 'cannot go on with the stream: because a frame was lost')),
    )
    if (isStreamEnd(payload)) this.#close()
  }

  #check(): void {
    const { clock } = this.#parts
    if (this.#closed) return
    const heardAtMs = Math.min(this.#up.heardAtMs, this.#down.heardAtMs)
    if (clock.monotonic() - heardAtMs >= silenceMs) {
      const reason = `a side of it was silent for ${silenceMs} ms`
      void this.giveUp(new CodedError('Timeout', `cannot go on with the stream: because ${reason}`))
      return
    }
    this.#cancelCheck = clock.after(streamIdleMs, () => this.#check())
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelCheck()
    for (const undo of this.#undo.splice(0)) undo()
    this.#resolveClosed()
  }
}
