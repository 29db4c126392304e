/** The Bus port: MQTT 3.1.1 as the rest of Flotilla sees it. */

export interface Message {
  topic: string
  payload: Buffer
  /** True when the broker kept it for us, false when it was published while we listened. */
  retained: boolean
}

export interface PublishOptions {
  /** Kept by the broker for later subscribers; an empty payload removes it. Default false. */
  retain?: boolean
  /** 1 resolves once the broker has acknowledged; 0 once it is handed to the connection. Default 1. */
  qos?: 0 | 1
}

export type Unsubscribe = () => void

export interface Bus {
  /** The MQTT client id, unique on the broker. */
  readonly clientId: string
  readonly connected: boolean
  /** Rejects with `ServiceUnavailable` while disconnected: callers re-publish whole state in `onConnect`. */
  publish(topic: string, payload: string | Uint8Array, options?: PublishOptions): Promise<void>
  /**
   * Calls `handler` for each message on `filter` (MQTT wildcards), retained ones first. The subscription is renewed
   * after each reconnection, so retained messages may come again. A handler that throws is logged, never fatal.
   * Resolves after the SUBACK when connected, at once otherwise.
   */
  subscribe(filter: string, handler: (message: Message) => void): Promise<Unsubscribe>
  /** Called at each connection, after subscriptions were renewed; at once if connected now. */
  onConnect(handler: () => void): Unsubscribe
  onDisconnect(handler: () => void): Unsubscribe
  /** Disconnects cleanly: the Last Will is not sent. Idempotent. */
  close(): Promise<void>
}

/** What the broker publishes for us, retained, when we vanish without a goodbye. */
export interface Will {
  topic: string
  payload: string
}
