/** Carries connections from one address to another: two relays and a unix socket between them cross network namespaces. */
import { rmSync } from 'node:fs'
import { createConnection, createServer, type NetConnectOpts, type Server } from 'node:net'
import { CodedError } from '../../kit/errors.ts'

/** Enough for a few boards that pull at once. */
const maxConnections = 256

/** `tcp:10.77.0.1:5000` or `unix:/run/x.sock` */
export function parseEndpoint(text: string): NetConnectOpts {
  const [, path] = text.match(/^unix:(.+)$/) ?? []
  if (path) return { path }
  const [, host, port] = text.match(/^tcp:(.+):(\d+)$/) ?? []
  if (host && port) return { host, port: Number(port) }
  throw new CodedError('BadRequest', `cannot relay "${text}": because it is neither tcp:HOST:PORT nor unix:PATH`)
}

/** Resolves once it listens. Each connection ends when either side ends it. */
export function startRelay(listen: NetConnectOpts, connect: NetConnectOpts): Promise<Server> {
  const server = createServer(near => {
    const far = createConnection(connect)
    // An error on one side is news to the other only as the end of the connection.
    near.on('error', () => far.destroy()).on('close', () => far.destroy())
    far.on('error', () => near.destroy()).on('close', () => near.destroy())
    near.pipe(far).pipe(near)
  })
  server.maxConnections = maxConnections
  // A socket's file outlives a killed relay, and nobody listens on it.
  if ('path' in listen) rmSync(listen.path, { force: true })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(listen, () => resolve(server))
  })
}
