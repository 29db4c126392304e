/** What one who carries a stream between its two sides must know of it, without reading its frames. */
import { errorToWire } from './wire-error.ts'

/** A side says "still here" after so much silence of its own … */
export const streamIdleMs = 15_000
/** … and takes the other for gone after so many times that in silence. */
export const silentRounds = 3

/** An end is told by its first bytes: frames are not parsed on the way. */
const endShape = /^\{"(s":\d{1,16},"e|a)":/
const longestHead = 32

/** True for the last message of a side, as both sides write it. */
export function isStreamEnd(payload: Buffer): boolean {
  return endShape.test(payload.toString('latin1', 0, longestHead))
}

/** Tells a side that nothing more will come. */
export function givenUp(error: unknown): string {
  return JSON.stringify({ a: errorToWire(error) })
}
