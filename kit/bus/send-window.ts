/** The sending half of a stream's back-pressure: makes senders wait until the reader has taken enough. */
import { CodedError } from '../errors.ts'

export class SendWindow {
  #windowBytes: number
  #maxUnacknowledged: number
  #sentBytes = 0
  #consumedBytes = 0
  #unacknowledged = 0
  #closed: CodedError | undefined
  #wake: (() => void) | undefined

  constructor(windowBytes: number, maxUnacknowledged: number) {
    this.#windowBytes = windowBytes
    this.#maxUnacknowledged = maxUnacknowledged
  }

  /** A reader gives credit in steps of this, so that it need not answer each frame. */
  static stepOf(windowBytes: number): number {
    return Math.ceil(windowBytes / 4)
  }

  /** Resolves when `bytes` may be sent, and counts them as sent. One caller at a time. Rejects once closed. */
  async take(bytes: number): Promise<void> {
    while (!this.#closed && !this.#mayGo(bytes)) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    if (this.#closed) throw this.#closed
    this.#sentBytes += bytes
    this.#unacknowledged++
  }

  /** The reader has taken so many bytes since the beginning. */
  credit(consumedBytes: number): void {
    if (consumedBytes > this.#sentBytes) {
      throw new CodedError('BadRequest', 'cannot take credit: because more was consumed than was sent')
    }
    this.#consumedBytes = Math.max(this.#consumedBytes, consumedBytes)
    this.#wake?.()
  }

  /** The broker has one more frame. */
  acknowledge(): void {
    this.#unacknowledged--
    this.#wake?.()
  }

  close(error: CodedError | undefined): void {
    this.#closed = error ?? new CodedError('ServiceUnavailable', 'cannot send a frame: because the stream has ended')
    this.#wake?.()
  }

  #mayGo(bytes: number): boolean {
    if (this.#unacknowledged >= this.#maxUnacknowledged) return false
    const underWay = this.#sentBytes - this.#consumedBytes
    // A reader that has taken less than a step has not said so yet: then even a frame too large for the rest may go.
    return underWay < SendWindow.stepOf(this.#windowBytes) || underWay + bytes <= this.#windowBytes
  }
}
