/** Tells the LANs where this cluster's boards join, by mDNS: a board that finds nobody at the address on its card asks for it. */
import { hostname } from 'node:os'
import { mdnsServiceType } from '../contract/wire/join.ts'
import type { Clock } from '../kit/clock.ts'
import { type LanInterface, lanInterfaces } from '../kit/lan-interfaces.ts'
import type { Part } from '../kit/lifecycle.ts'
import type { Log } from '../kit/log.ts'
import type { ListenAddress } from './broker/listener.ts'

export interface AnnounceOptions {
  cluster: string
  /** SHA-256 of the CA's certificate, hexadecimal. */
  caFingerprint: string
  listen: ListenAddress[]
  clock: Clock
  log: Log
}

/** Enough to tell two clusters of one name apart, and short enough for a person. */
const shownDigits = 8
/** A label of DNS has 63 bytes. */
const maxNameLength = 63 - 1 - shownDigits
const everywhere = ['0.0.0.0', '::']

/** Nothing where nobody from outside is let in. The library is loaded here: a master that does not announce pays nothing for it. */
export async function announcePart(options: AnnounceOptions): Promise<Part[]> {
  const { listen, cluster, caFingerprint, clock, log } = options
  const door = listen.find(address => address.type === 'tls')
  // Port 0 is whatever was free: only a test listens there.
  if (door === undefined || door.port === 0 || isLoopback(door.host)) return []
  const { ServiceAnnouncer } = await import('../kit/mdns-announcer.ts')
  const announcer = new ServiceAnnouncer({
    service: () => ({
      type: mdnsServiceType,
      instance: `${cluster.slice(0, maxNameLength)}-${caFingerprint.slice(0, shownDigits)}`,
      port: door.port,
      txt: { cluster, ca: caFingerprint, host: hostname() },
    }),
    interfaces: () => atDoor(lanInterfaces(), door.host),
    ...{ clock, log },
  })
  return [{ name: 'announcement on the LAN', start: () => announcer.start(), stop: () => announcer.stop() }]
}

function atDoor(interfaces: LanInterface[], host: string): LanInterface[] {
  return everywhere.includes(host) ? interfaces : interfaces.filter(({ address }) => address === host)
}

function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || host.startsWith('127.')
}
