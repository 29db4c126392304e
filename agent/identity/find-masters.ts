/** Where else the master of this cluster may be: what the LAN says by mDNS. Nobody is believed for it; who answers there shows the CA. */
import { mdnsServiceType } from '../../contract/wire/join.ts'
import type { Clock } from '../../kit/clock.ts'
import type { FoundService } from '../../kit/mdns.ts'

export interface WantedMaster {
  cluster: string
  /** SHA-256 of the cluster's CA, hexadecimal. */
  caFingerprint: string
}

/** Resolves to `HOST:PORT`s, none when nobody says to be it. */
export type FindMasters = (wanted: WantedMaster, signal?: AbortSignal) => Promise<string[]>

/** Liars can take so much of our time, and no more: each may keep a connection waiting for some seconds. */
const maxFound = 4

/** Asks for three seconds. The library is loaded at the first question: most agents never ask. */
export function findMastersOnLan(clock: Clock): FindMasters {
  return async (wanted, signal) => {
    const { browseServices } = await import('../../kit/mdns-browser.ts')
    const found = await browseServices({ type: mdnsServiceType, clock, ...(signal && { signal }) })
    return pickMasters(found, wanted)
  }
}

/** Those that say to be of this cluster; each address once. */
export function pickMasters(found: FoundService[], { cluster, caFingerprint }: WantedMaster): string[] {
  const ours = found.filter(({ txt }) => txt['cluster'] === cluster && txt['ca'] === caFingerprint)
  const addresses = ours.flatMap(({ addresses, port }) => addresses.map(address => `${address}:${port}`))
  return [...new Set(addresses)].slice(0, maxFound)
}
