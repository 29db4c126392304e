/**
 * A duplex stream of JSON frames over two topics, for watches, logs and shells: back-pressure by credit, no gaps, and an
 * end that both sides learn of.
 *
 * The opener reads `<prefix>/down` and writes `<prefix>/up`; the server the other way round. The opener opens first, then
 * sends its request with `stream: prefix`; the server opens before it answers. On the wire, per message:
 *   {s, f}  frame f with sequence number s     {s, e}  the end (e null), or the end with an error
 *   {c}     bytes consumed so far, in all      {p: 1}  still here
 *   {a}     given up with an error, whatever is still on its way: said by who carries it between the two (stream-parts.ts)
 */
import type { Cancel, Clock } from '../clock.ts'
import { CodedError } from '../errors.ts'
import { asRecord, type BadMessages, decodeJson, refuseRetained } from './bad-messages.ts'
import type { Bus, Message, Unsubscribe } from './bus.ts'
import { FrameQueue } from './frame-queue.ts'
import { SendWindow } from './send-window.ts'
import { silentRounds, streamIdleMs } from './stream-parts.ts'
import { errorFromWire, errorToWire, toCodedError } from './wire-error.ts'

export interface StreamOptions {
  bus: Bus
  prefix: string
  side: 'opener' | 'server'
  clock: Clock
  /** How many bytes may be under way before the reader must have taken some. Both sides give the same. */
  windowBytes: number
  /** `sendBytes` splits at this. */
  chunkBytes: number
  maxFrameBytes: number
  /** Says "still here" after so much silence of its own; three times this in silence of the other ends it. Default 15 s. */
  idleMs?: number
  /** Counts what is dropped. */
  badMessages?: BadMessages
}

export interface FrameStream {
  /** Resolves when the frame may be followed by another one; rejects when the stream has ended. */
  send(frame: unknown): Promise<void>
  /** Sends `data` as frames of `bytesFrame`, split. */
  sendBytes(channel: string, data: Buffer): Promise<void>
  /** To be iterated once. Taking a frame gives the sender credit. Throws the error that the other side ended with. */
  frames: AsyncIterable<unknown>
  /** Ends both directions, after what was sent. Frames that the other side has sent and nobody took are dropped. Idempotent. */
  end(error?: unknown): Promise<void>
  /** Resolves when the stream has ended, for whatever reason: undefined when it ended well. Never rejects. */
  closed: Promise<CodedError | undefined>
}

/** Frames whose PUBACK may be outstanding: keeps a crowd of tiny frames from filling the connection. */
const maxUnacknowledged = 64

/** Resolves when the subscription stands, so that nothing sent to us from now on is missed. */
export async function openStream(options: StreamOptions): Promise<FrameStream> {
  const stream = new MqttStream(options)
  await stream.start()
  return stream
}

class MqttStream implements FrameStream {
  readonly frames: FrameQueue
  readonly closed: Promise<CodedError | undefined>
  #options: StreamOptions
  #sendTopic: string
  #receiveTopic: string
  #window: SendWindow
  #resolveClosed: (error: CodedError | undefined) => void
  #undo: Unsubscribe[] = []
  #open = true
  #ending: Promise<void> | undefined
  #sendSequence = 0
  #receiveSequence = 0
  /** Sending is one at a time, so that frames leave in the order of the calls. */
  #sendTurn: Promise<unknown> = Promise.resolve()
  #sentAt: number
  #heardAt: number
  #cancelTick: Cancel = () => undefined

  constructor(options: StreamOptions) {
    const [up, down] = [`${options.prefix}/up`, `${options.prefix}/down`]
    this.#options = options
    this.#sendTopic = options.side === 'opener' ? up : down
    this.#receiveTopic = options.side === 'opener' ? down : up
    this.#window = new SendWindow(options.windowBytes, maxUnacknowledged)
    this.frames = new FrameQueue({
      // The sender may overdraw its credit by one frame (see SendWindow); beyond that it ignores us.
      maxBytes: options.windowBytes + options.maxFrameBytes,
      creditStepBytes: SendWindow.stepOf(options.windowBytes),
      onCredit: consumedBytes => this.#post({ c: consumedBytes }),
    })
    const { promise, resolve } = Promise.withResolvers<CodedError | undefined>()
    this.closed = promise
    this.#resolveClosed = resolve
    this.#sentAt = this.#heardAt = options.clock.monotonic()
  }

  async start(): Promise<void> {
    const { bus } = this.#options
    this.#undo.push(await bus.subscribe(this.#receiveTopic, message => this.#receive(message)))
    const lost = new CodedError('ServiceUnavailable', 'cannot go on with the stream: because the connection was lost')
    this.#undo.push(bus.onDisconnect(() => this.#close(lost)))
    this.#tick()
  }

  send(frame: unknown): Promise<void> {
    const sent = this.#sendTurn.then(() => this.#sendNow(frame))
    this.#sendTurn = sent.catch(() => undefined) // The caller of `send` has this error; the next turn does not want it.
    return sent
  }

  async sendBytes(channel: string, data: Buffer): Promise<void> {
    const { chunkBytes } = this.#options
    for (let at = 0; at < data.length; at += chunkBytes) {
      await this.send(bytesFrame(channel, data.subarray(at, at + chunkBytes)))
    }
  }

  end(error?: unknown): Promise<void> {
    this.#ending ??= this.#endNow(error)
    return this.#ending
  }

  async #endNow(error: unknown): Promise<void> {
    await this.#sendTurn
    if (!this.#open) return
    const e = error === undefined ? null : errorToWire(error)
    try {
      await this.#options.bus.publish(this.#sendTopic, JSON.stringify({ s: this.#sendSequence, e }))
      this.#close(error === undefined ? undefined : toCodedError(error))
    } catch (failure) {
      this.#close(toCodedError(failure))
    }
  }

  async #sendNow(frame: unknown): Promise<void> {
    const text = JSON.stringify({ s: this.#sendSequence, f: frame })
    const bytes = Buffer.byteLength(text)
    const { maxFrameBytes, bus } = this.#options
    if (bytes > maxFrameBytes) {
      const reason = `its ${bytes} bytes are more than ${maxFrameBytes}`
      throw new CodedError('RequestEntityTooLarge', `cannot send a frame: because ${reason}`)
    }
    await this.#window.take(bytes)
    this.#sendSequence++
    this.#sentAt = this.#options.clock.monotonic()
    bus.publish(this.#sendTopic, text).then(
      () => this.#window.acknowledge(),
      failure => this.#close(toCodedError(failure)),
    )
  }

  #receive(message: Message): void {
    if (!this.#open) return
    if (message.retained)
      return this.#options.badMessages?.guard('stream frame', message, () => refuseRetained(message))
    this.#heardAt = this.#options.clock.monotonic()
    try {
      this.#take(asRecord(decodeJson(message, this.#options.maxFrameBytes)), message.payload.length)
    } catch (error) {
      void this.end(error)
    }
  }

  #take(part: Record<string, unknown>, bytes: number): void {
    if (typeof part['c'] === 'number') this.#window.credit(part['c'])
    if ('a' in part) return this.#close(errorFromWire(part['a']), 'keep frames')
    if (typeof part['s'] !== 'number') return
    // QoS 1 may deliver twice, never out of order.
    if (part['s'] < this.#receiveSequence) return
    if (part['s'] > this.#receiveSequence) {
      const reason = `frame ${this.#receiveSequence} is missing`
      throw new CodedError('InternalError', `cannot go on with the stream: because ${reason}`)
    }
    this.#receiveSequence++
    if ('e' in part) this.#close(part['e'] === null ? undefined : errorFromWire(part['e']), 'keep frames')
    else this.frames.push(part['f'], bytes)
  }

  /** Says "still here" when we were silent, and notices when the other side was. */
  #tick(): void {
    const { clock, idleMs = streamIdleMs } = this.#options
    const now = clock.monotonic()
    if (now - this.#heardAt >= idleMs * silentRounds) {
      this.#close(
        new CodedError('Timeout', `cannot go on with the stream: because of ${idleMs * silentRounds} ms of silence`),
      )
      return
    }
    if (now - this.#sentAt >= idleMs) this.#post({ p: 1 })
    this.#cancelTick = clock.after(idleMs / 2, () => this.#tick())
  }

  #post(part: unknown): void {
    if (!this.#open) return
    this.#sentAt = this.#options.clock.monotonic()
    this.#options.bus.publish(this.#sendTopic, JSON.stringify(part)).catch(error => this.#close(toCodedError(error)))
  }

  /** `keep frames`: what the other side sent before its end is still to be read. */
  #close(error: CodedError | undefined, frames?: 'keep frames'): void {
    if (!this.#open) return
    this.#open = false
    this.#cancelTick()
    for (const undo of this.#undo.splice(0)) undo()
    this.#window.close(error)
    this.frames.finish(error, frames === undefined)
    this.#resolveClosed(error)
  }
}

export interface BytesFrame {
  /** Which of the streams inside the stream: `stdout`, `stdin` … */
  c: string
  /** Base64. */
  d: string
}

export function bytesFrame(channel: string, data: Buffer): BytesFrame {
  return { c: channel, d: data.toString('base64') }
}

/** The bytes of a frame that `bytesFrame` made; undefined for any other frame. */
export function readBytesFrame(frame: unknown): { channel: string; data: Buffer } | undefined {
  const { c, d } = (typeof frame === 'object' && frame !== null ? frame : {}) as Partial<BytesFrame>
  if (typeof c !== 'string' || typeof d !== 'string') return undefined
  return { channel: c, data: Buffer.from(d, 'base64') }
}
