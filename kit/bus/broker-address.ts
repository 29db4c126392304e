/** Reads a broker's URL: how to open a socket to it, and how to name it in messages. */
import { connect as connectTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { CodedError } from '../errors.ts'
import { openTlsSocket, type TlsOptions } from './tls-socket.ts'

export interface BrokerAddress {
  /** For people; holds no password. */
  text: string
  username: string | undefined
  password: string | undefined
  open: (tls: TlsOptions) => OpenedSocket
}

export interface OpenedSocket {
  socket: Duplex
  /** Absent: it may be written to at once. */
  ready?: Promise<void>
}

const defaultPorts: Record<string, number> = { 'mqtt:': 1883, 'mqtts:': 8883 }

/** `mqtt://host[:port]`, `mqtts://host[:port]` or `mqtts+unix:///path.sock`. Throws `BadRequest`. */
export function parseBrokerAddress(url: string): BrokerAddress {
  const bad = (reason: string): CodedError =>
    new CodedError('BadRequest', `cannot use broker address "${url.replace(/\/\/.*@/, '//')}": because ${reason}`)
  if (!URL.canParse(url)) throw bad('it is not a URL')
  const parsed = new URL(url)
  const credentials = {
    username: parsed.username === '' ? undefined : decodeURIComponent(parsed.username),
    password: parsed.password === '' ? undefined : decodeURIComponent(parsed.password),
  }
  if (parsed.protocol === 'mqtts+unix:') {
    const path = decodeURIComponent(parsed.pathname)
    if (path === '' || parsed.hostname !== '') throw bad(`a socket is given as mqtts+unix:///path`)
    return { ...credentials, text: path, open: tls => openTlsSocket({ path }, tls) }
  }
  const defaultPort = defaultPorts[parsed.protocol]
  if (defaultPort === undefined) throw bad('it must begin with mqtts://, mqtts+unix:// or mqtt://')
  // URL keeps the brackets of an IPv6 address.
  const host = parsed.hostname.replace(/^\[|\]$/g, '')
  if (host === '') throw bad('it names no host')
  const where = { host, port: parsed.port === '' ? defaultPort : Number(parsed.port) }
  // An address is no name that a server could be asked for (RFC 6066, 3).
  const named = isIP(host) === 0 ? { servername: host } : {}
  const open =
    parsed.protocol === 'mqtts:' ? (tls: TlsOptions) => openTlsSocket(where, { ...named, ...tls }) : openPlain(where)
  return { ...credentials, text: `${parsed.hostname}:${where.port}`, open }
}

function openPlain(where: { host: string; port: number }): () => OpenedSocket {
  return () => ({ socket: connectTcp({ ...where, noDelay: true }) })
}
