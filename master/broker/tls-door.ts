/**
 * TLS for the broker's listeners. A client need not show a certificate (a board that joins has none), and one with a bad
 * certificate gets as far as CONNECT: refused there, it is told so in MQTT's words and there is an Event about it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { constants } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Visit } from './gate.ts'
import type { ConnectionFacts, RefusalReason } from './policy.ts'

/** All PEM. */
export interface ServerTls {
  key: string
  cert: string
  /** Of the cluster: whose certificates clients must show. */
  ca: string
}

export interface Incoming {
  stream: Duplex
  visit: Visit
  transport: ConnectionFacts['transport']
  certificate: ConnectionFacts['certificate']
}

export interface DoorOptions {
  tls: ServerTls
  handshakeMs: number
  onConnection: (incoming: Incoming) => void
  /** The handshake failed. */
  onFailed: (visit: Visit, error: NodeJS.ErrnoException) => void
  /** It did not keep to the protocol around MQTT. */
  onRefused: (visit: Visit, reason: RefusalReason, detail: string) => void
}

export interface Door {
  take(socket: Socket, visit: Visit): void
  /** For connections from now on. */
  setServerCertificate(tls: ServerTls): void
}

export function tlsDoor(options: DoorOptions): Door {
  const server = createServer(tlsOptions(options.tls, options.handshakeMs))
  return serveTls(server, options, (socket, visit) => {
    const certificate = certificateOf(socket)
    options.onConnection({ stream: socket, visit, transport: 'tls', certificate })
  })
}

/** Also for an HTTPS server, which is a TLS server first. */
export function serveTls(
  server: Server,
  { onFailed, handshakeMs }: Pick<DoorOptions, 'onFailed' | 'handshakeMs'>,
  onSecure: (socket: TLSSocket, visit: Visit) => void,
): Door {
  // The server does not say which socket a handshake was of; the context in which it began does.
  const visits = new AsyncLocalStorage<Visit>()
  server.on('secureConnection', (socket: TLSSocket) => {
    const visit = visits.getStore()
    // TLS 1.2 lets a client ask for a new handshake on an open connection, again and again.
    socket.disableRenegotiation()
    if (visit) onSecure(socket, visit)
    else socket.destroy()
  })
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    const visit = visits.getStore()
    if (visit) onFailed(visit, error)
    socket.destroy()
  })
  return {
    take: (socket, visit) => visits.run(visit, () => server.emit('connection', socket)),
    setServerCertificate: tls => server.setSecureContext(tlsOptions(tls, handshakeMs)),
  }
}

export function tlsOptions(tls: ServerTls, handshakeMs: number): TlsOptions {
  return {
    ...{ key: tls.key, cert: tls.cert, ca: tls.ca },
    minVersion: 'TLSv1.2',
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeMs,
    // A resumed session would bring an old verdict on its certificate along.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

export function certificateOf(socket: TLSSocket): ConnectionFacts['certificate'] {
  const raw = socket.getPeerX509Certificate()?.raw
  // It is a code, although it is declared as an Error; without a certificate it says just that.
  return raw && { raw, problem: socket.authorized ? undefined : String(socket.authorizationError) }
}
