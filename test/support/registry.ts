/**
 * A small read-only image registry (OCI distribution-spec, "pull") that serves archives under any names it is told, for tests
 * where no real registry is in reach. As a script: `node registry.ts 10.77.0.1:5000 hello.tar=docker.io/library/nginx …`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type OciImage, readOciArchive } from '../../images/oci-archive.ts'

export interface Serving {
  /** With registry; without a tag or digest it answers to any tag: `docker.io/traefik/whoami`. */
  name: string
  image: OciImage
}

export interface Registry {
  url: string
  /** `GET /v2/…`, in the order in which they came; the last thousand. */
  requests: string[]
  close(): Promise<void>
}

interface Answer {
  status: number
  type?: string
  digest?: string
  body: Buffer
}

const maxRequestsKept = 1000

/** Port 0 takes a free one. */
export async function startRegistry(servings: Serving[], address = { host: '127.0.0.1', port: 0 }): Promise<Registry> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    if (requests.length > maxRequestsKept) requests.shift()
    send(request, response, answer(servings, request))
  })
  await listen(server, address)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${address.host}:${port}`,
    requests,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** `hello.tar` is served under its own name, `hello.tar=docker.io/library/nginx:1` under that one. */
export async function readServings(words: string[]): Promise<Serving[]> {
  const read = words.map(async word => {
    const [path = '', name] = word.split('=')
    return (await readOciArchive(path)).map(image => ({ name: name ?? image.name, image }))
  })
  return (await Promise.all(read)).flat()
}

function answer(servings: Serving[], request: IncomingMessage): Answer {
  const url = new URL(request.url ?? '/', 'http://registry')
  if (request.method !== 'GET' && request.method !== 'HEAD') return refusal(405, 'UNSUPPORTED')
  if (url.pathname === '/v2/') return { status: 200, type: 'application/json', body: Buffer.from('{}') }
  const [, repository = '', kind, reference = ''] = url.pathname.match(/^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/) ?? []
  // A mirror is told in `ns` which registry it stands in for (containerd's docs/hosts.md).
  const found = servings.filter(({ name }) => isMeant(name, { registry: url.searchParams.get('ns'), repository }))
  if (found.length === 0) return refusal(404, 'NAME_UNKNOWN')
  return kind === 'blobs' ? blobAnswer(found, reference) : manifestAnswer(found, reference)
}

function isMeant(name: string, asked: { registry: string | null; repository: string }): boolean {
  const { registry, repository } = splitName(name)
  return repository === asked.repository && (asked.registry === null || asked.registry === registry)
}

function manifestAnswer(servings: Serving[], reference: string): Answer {
  const isDigest = reference.includes(':')
  for (const { name, image } of servings) {
    const { tag } = splitName(name)
    const digest = isDigest ? reference : image.manifest.digest
    const body = image.blobs.get(digest)
    if (!body || !(isDigest || tag === undefined || tag === reference)) continue
    const { mediaType } = JSON.parse(body.toString()) as { mediaType?: string }
    return { status: 200, type: mediaType ?? image.manifest.mediaType, digest, body }
  }
  return refusal(404, 'MANIFEST_UNKNOWN')
}

function blobAnswer(servings: Serving[], digest: string): Answer {
  const body = servings.map(({ image }) => image.blobs.get(digest)).find(Boolean)
  return body ? { status: 200, type: 'application/octet-stream', digest, body } : refusal(404, 'BLOB_UNKNOWN')
}

function refusal(status: number, code: string): Answer {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replace('_', ' ') }] }))
  return { status, type: 'application/json', body }
}

function splitName(name: string): { registry: string; repository: string; tag: string | undefined } {
  const [, registry = '', repository = '', tag] = name.match(/^([^/]+)\/([^:@]+)(?::([^@]+))?/) ?? []
  return { registry, repository, tag }
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, digest, body }: Answer): void {
  response.writeHead(status, {
    'content-length': body.length,
    ...(type && { 'content-type': type }),
    ...(digest && { 'docker-content-digest': digest }),
    'docker-distribution-api-version': 'registry/2.0',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function listen(server: Server, address: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(address, resolve)
  })
}

if (import.meta.main) {
  const [address = '127.0.0.1:5000', ...words] = process.argv.slice(2)
  const [host = '', port] = address.split(':')
  const { url } = await startRegistry(await readServings(words), { host, port: Number(port) })
  process.stdout.write(`registry at ${url}\n`)
}
