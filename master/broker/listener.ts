/**
 * Listens on TCP ports and unix sockets, with TLS wherever somebody else could listen too; a socket file that a dead process
 * left behind is no obstacle.
 */
import { chmod, lstat, unlink } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, isIPv4, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { makeDirectory } from '../../kit/directory.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'

export type ListenAddress =
  | { type: 'tls'; host: string; port: number }
  /** TLS as well: whom a certificate names is the same everywhere. */
  | { type: 'tls-unix'; socketPath: string; mode: number }
  /** Without TLS; on the loopback only. */
  | { type: 'plain'; host: string; port: number }
  /** MQTT in WebSocket in TLS. */
  | { type: 'websocket'; host: string; port: number }

type UnixAddress = Extract<ListenAddress, { socketPath: string }>

export interface Listener {
  /** With the real port when 0 was asked for. */
  address: ListenAddress
  /** Takes no new connections; those that stand stay. */
  close(): Promise<void>
}

/** A client may ask MQTT for no keepalive at all; then the kernel finds out that its board is gone. */
const keepAliveMs = 60_000

/** Throws `BadRequest` or `ServiceUnavailable`. How many connections there may be is the gate's to say. */
export async function listen(address: ListenAddress, onSocket: (socket: Socket) => void): Promise<Listener> {
  if (address.type === 'plain' && !isLoopback(address.host)) {
    const where = `${address.host}:${address.port}`
    const why = 'without TLS, passwords and all else could be read there'
    throw new CodedError('BadRequest', `cannot listen on ${where}: because ${why}: listen with TLS, or on 127.0.0.1`)
  }
  if ('socketPath' in address) await makeWay(address)
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }, onSocket)
  await start(server, address)
  if ('socketPath' in address) await chmod(address.socketPath, address.mode)
  const bound = server.address() as AddressInfo
  return {
    address: 'socketPath' in address ? address : { ...address, port: bound.port },
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
}

/** `localhost` is not: what it stands for is in a file. */
function isLoopback(host: string): boolean {
  return host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

function start(server: Server, address: ListenAddress): Promise<void> {
  const where = 'socketPath' in address ? { path: address.socketPath } : { host: address.host, port: address.port }
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(cannotListen(address, error)))
    server.listen(where, resolve)
  })
}

/** Why the kernel refuses, and the way out. */
const refusals: Record<string, [why: string, wayOut: string]> = {
  EACCES: ['this user may not (EACCES)', 'run as root'],
  EADDRINUSE: ['another program does (EADDRINUSE)', 'end it'],
  EADDRNOTAVAIL: ['no interface has this address (EADDRNOTAVAIL)', 'give it one'],
}

function cannotListen(address: ListenAddress, error: NodeJS.ErrnoException): CodedError {
  const [why, wayOut] = refusals[error.code ?? ''] ?? [messageOf(error), 'mend that']
  return refusal(address, { why, wayOut, cause: error })
}

const options = { tls: '--listen', plain: '--plain-listen', websocket: '--websocket-listen' }

function refusal(
  address: ListenAddress,
  { why, wayOut, cause }: { why: string; wayOut: string; cause?: Error },
): CodedError {
  const [name, choice] =
    'socketPath' in address
      ? [address.socketPath, 'another path with --socket']
      : [`${address.host}:${address.port}`, `another address with ${options[address.type]}`]
  const text = `cannot listen on ${name}: because ${why}: ${wayOut}, or choose ${choice}`
  return new CodedError('ServiceUnavailable', text, { cause })
}

/** Makes the directory of a socket (/run is empty after each boot), and removes a socket that nobody serves. */
async function makeWay(address: UnixAddress): Promise<void> {
  const path = address.socketPath
  await makeDirectory(dirname(path), 0o755)
  const answer = await probe(path)
  if (answer === 'listening') throw refusal(address, { why: 'another process does', wayOut: 'end it' })
  if (answer !== 'ECONNREFUSED') return
  // A plain file refuses as well, and is somebody's.
  if (!(await lstat(path)).isSocket()) throw refusal(address, { why: 'there is a file', wayOut: 'remove it' })
  await unlink(path)
}

/** Whether somebody listens on a socket, or the code of the error that says not. */
function probe(path: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve('listening')
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
  })
}
