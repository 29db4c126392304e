/** The Policy port: who may connect, and who may say and hear what. The broker asks it at four points and knows no rule itself. */

export interface ClientIdentity {
  clientId: string
  /** True for the master's own connection, which never touched a wire. */
  inProcess: boolean
  /** For the log. */
  address: string
}

export interface Policy {
  /** May this client connect? A rejection means no. */
  authenticate(client: ClientIdentity, credentials: Credentials): Promise<boolean>
  /** These are synchronous, so that asking never changes the order of messages. A client that publishes what it may not is closed. */
  authorizePublish(client: ClientIdentity, topic: string): boolean
  /** A refused filter is answered with a failure code in the SUBACK. */
  authorizeSubscribe(client: ClientIdentity, filter: string): boolean
  /** Asked for each delivery: a wildcard subscription may match topics that its owner may not hear. */
  authorizeForward(client: ClientIdentity, topic: string): boolean
}

export interface Credentials {
  username: string | undefined
  password: Buffer | undefined
}

/** For a broker that only listens where everybody is trusted: the loopback, a lab's LAN. */
export const allowAll: Policy = {
  authenticate: async () => true,
  authorizePublish: () => true,
  authorizeSubscribe: () => true,
  authorizeForward: () => true,
}
