/** MQTT over WebSocket (MQTT 3.1.1 section 6) for whoever has nothing but HTTPS: the adapter of `ws`. */
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../../kit/clock.ts'
import type { Visit } from './gate.ts'
import { certificateOf, type Door, type DoorOptions, serveTls, tlsOptions } from './tls-door.ts'
import { TokenBucket } from './token-bucket.ts'

export interface WebSocketDoorOptions extends DoorOptions {
  clock: Clock
  /** Of one frame, and so of one packet. */
  maxFrameBytes: number
}

/** Of TLS's content, HTTP's head and all, until it is known who connects: a frame is collected before we see it. */
const maxBytesBeforeAdmission = 64 * 1024
const maxHeaderBytes = 8 * 1024
/** Nobody of ours sends pings in WebSocket; MQTT has its own. Each is answered, and none is a packet. */
const pingRate = { perSecond: 1, burst: 10 }

export function webSocketDoor(options: WebSocketDoorOptions): Door {
  const { tls, handshakeMs, onConnection, onRefused } = options
  const visits = new WeakMap<object, Visit>()
  const upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.maxFrameBytes,
    autoPong: false,
    handleProtocols: () => 'mqtt',
  })
  const server = createServer(
    { ...tlsOptions(tls, handshakeMs), maxHeaderSize: maxHeaderBytes },
    (_request, response) => {
      response.writeHead(426, { Connection: 'close', Upgrade: 'websocket' }).end('MQTT over WebSocket only\n')
    },
  )
  server.on('upgrade', (request: IncomingMessage, socket: TLSSocket, head: Buffer) => {
    const visit = visits.get(socket)
    if (!visit || !speaksMqtt(request) || !isFromHere(request)) {
      if (visit) onRefused(visit, 'malformed', 'it asked for something else than MQTT in WebSocket for this host')
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      return
    }
    const certificate = certificateOf(socket)
    limitBeforeAdmission(socket, visit, () => onRefused(visit, 'too-large', 'it sent a lot before it said who it is'))
    upgrader.handleUpgrade(request, socket, head, webSocket => {
      limitPings(webSocket, options.clock, () => onRefused(visit, 'rate', 'it sent pings without a pause'))
      onConnection({ stream: createWebSocketStream(webSocket), visit, transport: 'tls', certificate })
    })
  })
  return serveTls(server, options, (socket, visit) => void visits.set(socket, visit))
}

function speaksMqtt(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some(protocol => protocol.trim() === 'mqtt')
}

/** A browser shows its certificate for any page that asks; only a page of this very host may. Others send no origin. */
function isFromHere({ headers }: IncomingMessage): boolean {
  if (headers.origin === undefined) return true
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host
}

function limitBeforeAdmission(socket: TLSSocket, visit: Visit, refuse: () => void): void {
  let bytes = 0
  const count = (chunk: Buffer): void => {
    bytes += chunk.length
    if (visit.admitted) socket.off('data', count)
    else if (bytes > maxBytesBeforeAdmission && !socket.destroyed) {
      refuse()
      socket.destroy()
    }
  }
  socket.on('data', count)
}

function limitPings(webSocket: WebSocket, clock: Clock, refuse: () => void): void {
  const bucket = new TokenBucket(pingRate, clock)
  webSocket.on('ping', data => {
    if (bucket.tryTake(1)) webSocket.pong(data)
    else if (webSocket.readyState === webSocket.OPEN) {
      refuse()
      webSocket.terminate()
    }
  })
}
