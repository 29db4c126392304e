/** Two ends of a wire that is none: the master's own way into its broker. */
import { type Duplex, duplexPair } from 'node:stream'

export function linkedPair(): [Duplex, Duplex] {
  const [ours, theirs] = duplexPair()
  // A pair passes on an end, not a destruction.
  ours.once('close', () => theirs.destroy())
  theirs.once('close', () => ours.destroy())
  return [ours, theirs]
}

/** The end of a wire that leads nowhere any more. */
export function brokenSocket(reason: string): Duplex {
  const [ours] = duplexPair()
  ours.destroy(new Error(reason))
  return ours
}
