/** Listens on TCP ports and unix sockets; a socket file that a dead process left behind is no obstacle. */
import { chmod, lstat, unlink } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
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
  if ('socketPath' in address) await removeStaleSocket(address.socketPath)
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
  const name = 'socketPath' in address ? address.socketPath : `${address.host}:${address.port}`
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      reject(
        new CodedError('ServiceUnavailable', `cannot listen on ${name}: because ${messageOf(error)}`, { cause: error }),
      )
    })
    server.listen(where, resolve)
  })
}

async function removeStaleSocket(path: string): Promise<void> {
  const answer = await new Promise<string>(resolve => {
    const probe = connect({ path })
    probe.once('connect', () => {
      probe.destroy()
      resolve('listening')
    })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
  })
  if (answer === 'listening') {
    throw new CodedError('AlreadyExists', `cannot listen on ${path}: because another process does`)
  }
  // A plain file refuses as well, and is somebody's: listening will fail on it.
  if (answer === 'ECONNREFUSED' && (await lstat(path)).isSocket()) await unlink(path)
}
