/** The receiving half of a stream: frames that wait to be taken, bounded, and how much was taken. */
import { CodedError } from '../errors.ts'

export interface FrameQueueOptions {
  maxBytes: number
  /** `onCredit` is called with the sum of all bytes taken, whenever it grew by this much. */
  creditStepBytes: number
  onCredit: (consumedBytes: number) => void
}

export class FrameQueue implements AsyncIterable<unknown> {
  #options: FrameQueueOptions
  #waiting: Array<{ frame: unknown; bytes: number }> = []
  #waitingBytes = 0
  #consumedBytes = 0
  #creditedBytes = 0
  #finished = false
  #error: CodedError | undefined
  #wake: (() => void) | undefined
  #iterated = false

  constructor(options: FrameQueueOptions) {
    this.#options = options
  }

  /** Throws `TooManyRequests` when the sender ignores its credit. */
  push(frame: unknown, bytes: number): void {
    if (this.#waitingBytes + bytes > this.#options.maxBytes) {
      throw new CodedError('TooManyRequests', 'cannot take a frame: because the sender exceeds its credit')
    }
    this.#waiting.push({ frame, bytes })
    this.#waitingBytes += bytes
    this.#wake?.()
  }

  finish(error: CodedError | undefined, drop: boolean): void {
    if (drop) this.#waiting.length = 0
    this.#finished = true
    this.#error = error
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    if (this.#iterated) throw new Error('cannot read a stream twice: because its frames are gone')
    this.#iterated = true
    while (true) {
      const next = this.#waiting.shift()
      if (next) {
        this.#consume(next.bytes)
        yield next.frame
      } else if (this.#finished) {
        if (this.#error) throw this.#error
        return
      } else {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    }
  }

  #consume(bytes: number): void {
    this.#waitingBytes -= bytes
    this.#consumedBytes += bytes
    if (this.#consumedBytes - this.#creditedBytes < this.#options.creditStepBytes) return
    this.#creditedBytes = this.#consumedBytes
    this.#options.onCredit(this.#consumedBytes)
  }
}
