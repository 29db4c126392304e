/** Says who is master, retained: an agent that sees a new instance reports everything to it. */
import type { MasterPresence } from '../../contract/wire/fleet.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import type { Bus, Will } from '../../kit/bus/bus.ts'
import { type Clock, timestamp } from '../../kit/clock.ts'

export interface MasterPresenceParts {
  bus: Bus
  topics: Topics
  presence: Omit<MasterPresence, 'online'>
  clock: Clock
}

export function masterWill(topics: Topics, presence: Omit<MasterPresence, 'online'>): Will {
  return { topic: topics.masterPresence, payload: JSON.stringify({ online: false, ...presence }) }
}

export class MasterPresenceSpeaker {
  #parts: MasterPresenceParts
  #end: (() => void) | undefined

  constructor(parts: MasterPresenceParts) {
    this.#parts = parts
  }

  start(): void {
    // A connection that breaks in this moment begins anew, and so does this.
    this.#end = this.#parts.bus.onConnect(() => void this.#say(true).catch(() => undefined))
  }

  async stop(): Promise<void> {
    this.#end?.()
    if (this.#parts.bus.connected) await this.#say(false).catch(() => undefined)
  }

  #say(online: boolean): Promise<void> {
    const { bus, topics, presence, clock } = this.#parts
    const said: MasterPresence = { online, ...presence, time: timestamp(clock) }
    return bus.publish(topics.masterPresence, JSON.stringify(said), { retain: true })
  }
}
