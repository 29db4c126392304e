/** Listens on TCP ports and unix sockets; a socket file that a dead process left behind is no obstacle. */
import { chmod, lstat, unlink } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { makeDirectory } from '../../kit/directory.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'

export type ListenAddress = { host: string; port: number } | { socketPath: string; mode: number }

export interface Listener {
  /** With the real port when 0 was asked for. */
  address: ListenAddress
  /** Takes no new connections; those that stand stay. */
  close(): Promise<void>
}

export async function listen(
  address: ListenAddress,
  maxConnections: number,
  onSocket: (socket: Socket) => void,
): Promise<Listener> {
  if ('socketPath' in address) await makeWay(address)
  const server = createServer({ noDelay: true }, onSocket)
  server.maxConnections = maxConnections
  await start(server, address)
  if ('socketPath' in address) await chmod(address.socketPath, address.mode)
  const bound = server.address() as AddressInfo
  return {
    address: 'socketPath' in address ? address : { host: address.host, port: bound.port },
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
}

function start(server: Server, address: ListenAddress): Promise<void> {
  const where = 'socketPath' in address ? { path: address.socketPath } : address
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

function refusal(
  address: ListenAddress,
  { why, wayOut, cause }: { why: string; wayOut: string; cause?: Error },
): CodedError {
  const [name, choice] =
    'socketPath' in address
      ? [address.socketPath, 'another path with --socket']
      : [`${address.host}:${address.port}`, 'another address with --listen']
  const text = `cannot listen on ${name}: because ${why}: ${wayOut}, or choose ${choice}`
  return new CodedError('ServiceUnavailable', text, { cause })
}

/** Makes the directory of a socket (/run is empty after each boot), and removes a socket that nobody serves. */
async function makeWay(address: { socketPath: string; mode: number }): Promise<void> {
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
