/** Whether a bus is connected, and who is told when that changes: the half of the Bus port that all its adapters share. */
import type { Log } from '../log.ts'
import type { Unsubscribe } from './bus.ts'

export class ConnectionState {
  /** Nobody is told by setting it. */
  connected = false
  #log: Log
  #onConnect = new Set<() => void>()
  #onDisconnect = new Set<() => void>()

  constructor(log: Log) {
    this.#log = log
  }

  onConnect(handler: () => void): Unsubscribe {
    this.#onConnect.add(handler)
    if (this.connected) handler()
    return () => this.#onConnect.delete(handler)
  }

  onDisconnect(handler: () => void): Unsubscribe {
    this.#onDisconnect.add(handler)
    return () => this.#onDisconnect.delete(handler)
  }

  /** Tells those who want to know of what it is now. What they throw is logged, never fatal. */
  tell(): void {
    for (const handler of [...(this.connected ? this.#onConnect : this.#onDisconnect)]) {
      try {
        handler()
      } catch (error) {
        this.#log.error('a connection handler failed', { error })
      }
    }
  }
}
