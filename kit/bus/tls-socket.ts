/** Opens a socket over TLS, and says when it may be used: not a byte of ours goes out before we know who the peer is. */
import type { X509Certificate } from 'node:crypto'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { UntrustedPeer } from './connection-failure.ts'

export interface TlsOptions {
  /** PEM: alone in being believed. Default: those of the system. */
  ca?: string
  /** Our own certificate and its key, PEM. */
  cert?: string
  key?: string
  /** The DNS name that the broker's certificate must have, wherever it was found. Default: the host of its URL. */
  servername?: string
  /**
   * Instead of TLS' own check, which asks this machine's clock: throws with the reason when the peer is not to be believed. Its
   * `issuerCertificate` leads to the rest of the chain that it sent.
   */
  verify?: (certificate: X509Certificate) => void
}

export interface OpeningSocket {
  socket: TLSSocket
  /** Rejects when the peer is not who it should be, or there is none; the socket is destroyed then. */
  ready: Promise<void>
}

/** `servername`: when the options name none; TLS knows no addresses as names (RFC 6066, 3). */
export function openTlsSocket(
  where: { host: string; port: number } | { path: string },
  { ca, cert, key, verify, servername }: TlsOptions,
): OpeningSocket {
  const options: ConnectionOptions = {
    ...where,
    // No session is taken up again: Node tells nothing of the peer's certificate then, and there would be nothing to verify.
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(verify && { rejectUnauthorized: false }),
  }
  const socket = connect(options)
  socket.setNoDelay(true)
  return { socket, ready: untilTrusted(socket, verify) }
}

function untilTrusted(socket: TLSSocket, verify: TlsOptions['verify']): Promise<void> {
  return new Promise((resolve, reject) => {
    // The last of these stays: an error of a socket that nobody listens to would end the process.
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
    socket.once('secureConnect', () => {
      try {
        if (verify) verify(peerOf(socket))
        resolve()
      } catch (error) {
        socket.destroy(new UntrustedPeer(error))
      }
    })
  })
}

function peerOf(socket: TLSSocket): X509Certificate {
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) throw new Error('it shows no certificate')
  return certificate
}
