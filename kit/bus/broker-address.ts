/** Reads a broker's URL: how to open a socket to it, and how to name it in messages. */
import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { CodedError } from '../errors.ts'

export interface BrokerAddress {
  /** For people; holds no password. */
  text: string
  username: string | undefined
  password: string | undefined
  openSocket: () => Duplex
}

export type TlsOptions = Pick<ConnectionOptions, 'ca' | 'cert' | 'key'>

const defaultPorts: Record<string, number> = { 'mqtt:': 1883, 'mqtts:': 8883 }

/** `mqtt://host[:port]`, `mqtts://host[:port]` or `mqtt+unix:///path.sock`. Throws `BadRequest`. */
export function parseBrokerAddress(url: string, tls: TlsOptions = {}): BrokerAddress {
  const bad = (reason: string): CodedError =>
    new CodedError('BadRequest', `cannot use broker address "${url.replace(/\/\/.*@/, '//')}": because ${reason}`)
  if (!URL.canParse(url)) throw bad('it is not a URL')
  const parsed = new URL(url)
  const credentials = {
    username: parsed.username === '' ? undefined : decodeURIComponent(parsed.username),
    password: parsed.password === '' ? undefined : decodeURIComponent(parsed.password),
  }
  if (parsed.protocol === 'mqtt+unix:') {
    const path = decodeURIComponent(parsed.pathname)
    if (path === '' || parsed.hostname !== '') throw bad('a socket is given as mqtt+unix:///path')
    return { ...credentials, text: path, openSocket: () => connectTcp({ path }) }
  }
  const defaultPort = defaultPorts[parsed.protocol]
  if (defaultPort === undefined) throw bad('it must begin with mqtt://, mqtts:// or mqtt+unix://')
  // URL keeps the brackets of an IPv6 address.
  const host = parsed.hostname.replace(/^\[|\]$/g, '')
  if (host === '') throw bad('it names no host')
  const port = parsed.port === '' ? defaultPort : Number(parsed.port)
  const where = { host, port, noDelay: true }
  const openSocket =
    parsed.protocol === 'mqtts:' ? () => connectTls({ ...where, ...tls, servername: host }) : () => connectTcp(where)
  return { ...credentials, text: `${parsed.hostname}:${port}`, openSocket }
}
