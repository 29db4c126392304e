/** What time it is, for a board whose clock may be anywhere: the newest time that the master has told is never gone back behind. */
import { asRecord } from '../../kit/bus/bad-messages.ts'
import type { Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { readPrivateFile, writePrivateFile } from '../../kit/private-file.ts'

export interface MasterTimeParts {
  path: string
  clock: Clock
  log: Log
}

const dayMs = 24 * 60 * 60 * 1000
/**
 * A clock that is further than this beyond the master's last word is wrong, or the board was off for long: its word does not
 * count. A master's certificate is renewed when it still has four months, so that a clock within this shuts no master out.
 */
const believedAheadMs = 90 * dayMs
/** A card is worn by writes: the time is kept once a day, and may be that much behind. */
const writeEveryMs = dayMs
/** The clock of a board that is this far off is told about, once. */
const offMs = dayMs

export class MasterTime {
  #parts: MasterTimeParts
  /** What the master told, and when on this process' own count. */
  #told: { timeMs: number; atMs: number }
  #writtenMs = 0
  #hasWarned = false

  constructor(parts: MasterTimeParts) {
    this.#parts = parts
    this.#told = { timeMs: 0, atMs: parts.clock.monotonic() }
  }

  async load(): Promise<void> {
    const { path, log } = this.#parts
    try {
      const text = await readPrivateFile(path)
      if (text === undefined) return
      const { time } = asRecord(JSON.parse(text))
      const timeMs = Date.parse(String(time))
      if (Number.isNaN(timeMs)) throw new Error('it holds no time')
      this.#writtenMs = timeMs
      this.#raise(timeMs)
    } catch (error) {
      log.warn('cannot read the time that the master told last', { path, error: messageOf(error) })
    }
  }

  /**
   * The master's word. `isFresh`: it is said now, and not kept by a broker. `untilMs`: the end of the certificate that it was
   * said under, beyond which it cannot be true.
   */
  told(timeMs: number, { isFresh, untilMs = Number.POSITIVE_INFINITY }: { isFresh: boolean; untilMs?: number }): void {
    if (!Number.isFinite(timeMs) || timeMs > untilMs) return
    // A master that has gone back behind its own words has the wrong clock itself.
    if (isFresh && timeMs >= this.#atLeast() - offMs) this.#compare(timeMs)
    this.#raise(timeMs)
  }

  now(): number {
    const atLeastMs = this.#atLeast()
    const clockMs = this.#parts.clock.now()
    return clockMs >= atLeastMs && clockMs <= atLeastMs + believedAheadMs ? clockMs : atLeastMs
  }

  /** Writes it down if it is worth a write. Never rejects: an old time is worth something too. */
  async keep(): Promise<void> {
    const timeMs = this.#atLeast()
    if (timeMs < this.#writtenMs + writeEveryMs) return
    try {
      await writePrivateFile(this.#parts.path, JSON.stringify({ time: new Date(timeMs).toISOString() }))
      this.#writtenMs = timeMs
    } catch (error) {
      this.#parts.log.warn('cannot keep the time that the master told', { error: messageOf(error) })
    }
  }

  #atLeast(): number {
    return this.#told.timeMs === 0 ? 0 : this.#told.timeMs + this.#parts.clock.monotonic() - this.#told.atMs
  }

  #raise(timeMs: number): void {
    if (timeMs > this.#atLeast()) this.#told = { timeMs, atMs: this.#parts.clock.monotonic() }
  }

  #compare(timeMs: number): void {
    const { clock, log } = this.#parts
    const offByMs = clock.now() - timeMs
    if (Math.abs(offByMs) <= offMs || this.#hasWarned) return
    this.#hasWarned = true
    log.warn("this board's clock is wrong: trust goes by the master's time, but logs and pods go by the clock", {
      clock: new Date(clock.now()).toISOString(),
      master: new Date(timeMs).toISOString(),
      days: Math.round(offByMs / dayMs),
      remedy: 'let the board ask a time server, such as with systemd-timesyncd',
    })
  }
}
