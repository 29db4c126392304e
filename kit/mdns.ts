/** What services say of themselves on a local network, as messages of multicast DNS (RFC 6762, 6763). The adapter of `dns-packet`. */
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, type Packet } from 'dns-packet'

export const mdnsPort = 5353
export const mdnsGroup = '224.0.0.251'

export interface Service {
  /** `_flotilla._tcp`, without a domain. */
  type: string
  /** One label that nobody else on the network has. */
  instance: string
  port: number
  txt: Record<string, string>
}

export interface FoundService extends Service {
  /** IPv4. */
  addresses: string[]
}

export interface ServiceQuestion {
  id: number
  /** One of the records that describe the service is asked for. */
  isForUs: boolean
  /** The one who asks has it, and it is fresh (RFC 6762, 7.1). */
  isKnown: boolean
}

/** RFC 6762, 17. */
const maxMessageBytes = 9000
const headerBytes = 12
/** What one message may hold in all, and one text (RFC 6763, 6.1). */
const maxRecords = 64
const maxTextBytes = 200
const maxAddresses = 8
/** RFC 6762, 10: of records that name a host, and of the others. */
const hostSeconds = 120
const otherSeconds = 4500
const label = /^[^.\0]{1,63}$/

const domainOf = (type: string): string => `${type}.local`
const listOfTypes = '_services._dns-sd._udp.local'

export function renderQuestion(type: string, id = 0): Buffer {
  return encode({ id, type: 'query', questions: [{ type: 'PTR', name: domainOf(type) }] })
}

/** `goodbye`: the service is gone, forget it. */
export function renderAnswer(
  service: Service,
  address: string,
  { id = 0, goodbye = false, question }: { id?: number; goodbye?: boolean; question?: string } = {},
): Buffer {
  const [domain, instance] = [domainOf(service.type), `${service.instance}.${domainOf(service.type)}`]
  const [host, seconds] = [`${service.instance}.local`, (ttl: number) => (goodbye ? 0 : ttl)]
  const txt = Object.entries(service.txt).map(([key, value]) => `${key}=${value}`)
  // A plain resolver believes only an answer to its own question (RFC 6762, 6.7), and wants nothing that it does not know.
  const flush = question === undefined
  const answers: Answer[] = [
    { name: domain, type: 'PTR', ttl: seconds(otherSeconds), data: instance },
    { name: instance, type: 'SRV', ttl: seconds(hostSeconds), flush, data: { port: service.port, target: host } },
    { name: instance, type: 'TXT', ttl: seconds(otherSeconds), flush, data: txt },
    { name: host, type: 'A', ttl: seconds(hostSeconds), flush, data: address },
    { name: listOfTypes, type: 'PTR', ttl: seconds(otherSeconds), data: domain },
  ]
  const questions = question === undefined ? [] : [{ type: 'PTR', name: question }]
  return encode({ id, type: 'response', flags: AUTHORITATIVE_ANSWER, questions, answers })
}

/** Undefined when it is no question, or no message at all. */
export function readQuestion(bytes: Buffer, service: Service): ServiceQuestion | undefined {
  const packet = read(bytes, 'query')
  if (!packet) return undefined
  const domain = domainOf(service.type)
  const instance = `${service.instance}.${domain}`
  const ours = [domain, instance, `${service.instance}.local`, listOfTypes].map(name => name.toLowerCase())
  const { questions: asked = [], answers: known = [] } = packet
  return {
    id: packet.id ?? 0,
    isForUs: asked.some(({ name }) => ours.includes(name.toLowerCase())),
    isKnown: known.some(({ type, data, ttl = 0 }) => type === 'PTR' && data === instance && ttl > otherSeconds / 2),
  }
}

/** The services of this type that a message describes whole. Anybody may have sent it. */
export function readServices(bytes: Buffer, type: string): FoundService[] {
  const packet = read(bytes, 'response')
  if (!packet) return []
  const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])]
  const domain = domainOf(type)
  return records
    .filter(record => record.type === 'PTR' && sameName(record.name, domain) && record.ttl !== 0)
    .flatMap(({ data }) => (typeof data === 'string' ? (readService(data, domain, records) ?? []) : []))
}

function readService(name: string, domain: string, records: Answer[]): FoundService | undefined {
  const of = (owner: string, type: string): Answer[] =>
    records.filter(record => record.type === type && sameName(record.name, owner))
  const [srv, txt] = [of(name, 'SRV')[0]?.data, of(name, 'TXT')[0]?.data]
  const instance = name.slice(0, -domain.length - 1)
  if (!isService(srv) || !label.test(instance)) return undefined
  const addresses = of(srv.target, 'A').flatMap(({ data }) => (typeof data === 'string' ? [data] : []))
  const type = domain.slice(0, -'.local'.length)
  return { type, instance, port: srv.port, txt: readTexts(txt), addresses: addresses.slice(0, maxAddresses) }
}

function isService(data: unknown): data is { port: number; target: string } {
  const { port, target } = (data ?? {}) as { port?: unknown; target?: unknown }
  return typeof target === 'string' && Number.isInteger(port) && (port as number) > 0
}

/** `key=value`, the first of a key counts (RFC 6763, 6.4). */
function readTexts(data: unknown): Record<string, string> {
  const found = new Map<string, string>()
  for (const entry of [data].flat().slice(0, maxRecords)) {
    if (!Buffer.isBuffer(entry) || entry.length > maxTextBytes) continue
    const [, key, value] = /^([\x20-\x3c\x3e-\x7e]+)=([\x20-\x7e]*)$/.exec(entry.toString('latin1')) ?? []
    if (key !== undefined && value !== undefined && !found.has(key)) found.set(key, value)
  }
  return Object.fromEntries(found)
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function read(bytes: Buffer, type: 'query' | 'response'): Packet | undefined {
  if (bytes.length < headerBytes || bytes.length > maxMessageBytes) return undefined
  // RFC 1035, 4.1.1. Looked at before all is decoded: hundreds of records, each of long compressed names, cost a board a second.
  const isResponse = (bytes.readUInt16BE(2) & 0x8000) !== 0
  const records = [4, 6, 8, 10].reduce((sum, at) => sum + bytes.readUInt16BE(at), 0)
  if (isResponse !== (type === 'response') || records > maxRecords) return undefined
  try {
    return decode(bytes)
  } catch {
    // Anybody on the network may send anything to this port; there is nobody to tell.
    return undefined
  }
}
