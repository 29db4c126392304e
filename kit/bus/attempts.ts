/** Which of a bus' servers is tried, and how long to wait before the next try. */
import { type BackoffOptions, backoffMs } from '../backoff.ts'
import { CodedError } from '../errors.ts'
import { type BrokerAddress, parseBrokerAddress } from './broker-address.ts'
import type { ConnectionFailure } from './connection-failure.ts'

export interface AttemptsOptions {
  url: string | string[] | (() => string[])
  reconnectMs?: BackoffOptions
  refusedMs?: BackoffOptions
}

const defaultReconnect: BackoffOptions = { minMs: 200, maxMs: 5000, jitter: 0.5 }
const defaultRefused: BackoffOptions = { minMs: 1000, maxMs: 60_000, jitter: 0.5 }
/** Before the next of several servers is tried. */
const nextServerMs = 200
/** More servers than any cluster has. */
const maxServers = 16

export class Attempts {
  #options: AttemptsOptions
  #servers: string[]
  #turn = 0
  #failed = 0

  /** Throws `BadRequest` when a URL is none. */
  constructor(options: AttemptsOptions) {
    this.#options = options
    this.#servers = serversOf(options.url)
    for (const url of this.#servers) parseBrokerAddress(url)
  }

  /** The one that is connected, or was tried last. */
  get url(): string {
    return this.#servers[this.#turn % this.#servers.length] as string
  }

  /** True after the first of a row of failures: the others say nothing new. */
  get isFirstFailure(): boolean {
    return this.#failed === 1
  }

  begin(): BrokerAddress {
    this.#servers = serversOf(this.#options.url)
    return parseBrokerAddress(this.url)
  }

  /** A connection has stood long enough to be called one. */
  succeeded(): void {
    this.#failed = 0
  }

  /** The next server's turn. Returns how long to wait for it: longer once each of them was tried. */
  failed({ kind }: ConnectionFailure): number {
    const { reconnectMs = defaultReconnect, refusedMs = defaultRefused } = this.#options
    const rounds = Math.floor(this.#failed++ / this.#servers.length)
    const isRoundOver = this.#failed % this.#servers.length === 0
    const delayMs = backoffMs(rounds, kind === 'refused' ? refusedMs : reconnectMs)
    this.#turn++
    return isRoundOver ? delayMs : Math.min(delayMs, nextServerMs)
  }
}

function serversOf(url: AttemptsOptions['url']): string[] {
  const servers = typeof url === 'function' ? url() : [url].flat()
  if (servers.length === 0)
    throw new CodedError('BadRequest', 'cannot connect to a broker: because no address is given')
  return servers.slice(0, maxServers)
}
