/** Opens what the broker listens on, and leads each connection through the gate and through TLS. */
import type { Socket } from 'node:net'
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { Gate } from './gate.ts'
import type { Journal } from './journal.ts'
import type { BrokerLimits } from './limits.ts'
import { type ListenAddress, type Listener, listen } from './listener.ts'
import { type Door, type DoorOptions, type Incoming, type ServerTls, tlsDoor } from './tls-door.ts'

export interface DoorsOptions {
  listen: ListenAddress[]
  tls: ServerTls | undefined
  limits: BrokerLimits
  clock: Clock
  journal: Journal
  onConnection: (incoming: Incoming) => void
}

export class Doors {
  #options: DoorsOptions
  #gate: Gate
  #tls: ServerTls | undefined
  #listeners: Listener[] = []
  #secured: Door[] = []

  constructor(options: DoorsOptions) {
    const { limits, clock, journal } = options
    this.#options = options
    this.#tls = options.tls
    this.#gate = new Gate({ limits, clock, refuse: refusal => journal.refusals.add(refusal) })
  }

  get addresses(): ListenAddress[] {
    return this.#listeners.map(listener => listener.address)
  }

  get gate(): Pick<Gate, 'connections' | 'unauthenticated'> {
    return this.#gate
  }

  async open(): Promise<void> {
    for (const address of this.#options.listen) {
      const take = await this.#takerOf(address)
      const knock = (socket: Socket): void => {
        const visit = this.#gate.knock(socket, socket.remoteAddress ?? 'unix socket')
        if (visit) take(socket, visit)
      }
      this.#listeners.push(await listen(address, knock))
    }
  }

  /** For connections from now on; those that stand keep the old one. */
  setServerCertificate(tls: ServerTls): void {
    this.#tls = tls
    for (const door of this.#secured) door.setServerCertificate(tls)
  }

  /** Resolves when all connections have ended; those that were admitted are not ended here. */
  async close(): Promise<void> {
    this.#gate.close()
    await Promise.all(this.#listeners.map(listener => listener.close()))
  }

  async #takerOf(address: ListenAddress): Promise<Door['take']> {
    const { limits, clock, onConnection } = this.#options
    if (address.type === 'plain') {
      return (stream, visit) => onConnection({ stream, visit, transport: 'plain', certificate: undefined })
    }
    const tls = this.#tls
    if (!tls) throw new CodedError('BadRequest', 'cannot listen with TLS: because there is no certificate for it')
    // The gate's own time is up first, and tells it.
    const handshakeMs = limits.handshakeMs + 1000
    const options = { tls, handshakeMs, onConnection, onFailed: this.#failed, onRefused: this.#refused }
    const door =
      address.type === 'websocket' ? await openWebSocketDoor({ ...options, clock }, limits) : tlsDoor(options)
    this.#secured.push(door)
    return (socket, visit) => door.take(socket, visit)
  }

  #refused: DoorOptions['onRefused'] = ({ address }, reason, detail) => {
    this.#options.journal.refusals.add({ reason, address, detail })
  }

  #failed = ({ address }: Incoming['visit'], error: NodeJS.ErrnoException): void => {
    const { journal } = this.#options
    const reason = error.code ?? error.message
    // Whoever hangs up has done nothing wrong; a timeout is the gate's to tell.
    if (reason === 'ECONNRESET') journal.lost({ address, clientId: undefined }, reason)
    else if (reason !== 'ERR_TLS_HANDSHAKE_TIMEOUT') {
      journal.refusals.add({ reason: 'tls', address, detail: `the TLS handshake failed (${reason})` })
    }
  }
}

type WebSocketOptions = Parameters<typeof import('./websocket-door.ts').webSocketDoor>[0]

/** Loaded by those alone who ask for it. */
async function openWebSocketDoor(
  options: Omit<WebSocketOptions, 'maxFrameBytes'>,
  limits: BrokerLimits,
): Promise<Door> {
  const { webSocketDoor } = await import('./websocket-door.ts')
  const maxFrameBytes = Math.max(...Object.values(limits.kinds).map(({ maxPacketBytes }) => maxPacketBytes)) + 5
  return webSocketDoor({ ...options, maxFrameBytes })
}
