/** Asks the local networks once which services of a type are there: for boards that do not know where their master is. */
import { createSocket, type Socket } from 'node:dgram'
import { type Cancel, type Clock, sleep } from './clock.ts'
import { interfaceTowards, type LanInterface, lanInterfaces } from './lan-interfaces.ts'
import { type FoundService, mdnsGroup, mdnsPort, readServices, renderQuestion } from './mdns.ts'

export interface BrowseOptions {
  /** `_flotilla._tcp` */
  type: string
  clock: Clock
  /** How long to listen. Default 3 s. */
  durationMs?: number
  interfaces?: () => LanInterface[]
  signal?: AbortSignal
}

/** A question may be lost on the radio: asked again, each time a little later (RFC 6762, 5.2). */
const askAtMs = [0, 700, 1900]
/** More masters on one LAN than anybody runs. */
const maxFound = 32

/**
 * All that answered, in the order of their answers. Empty when nobody did, or there is no network. Asks from a port of its own (a
 * one-shot query, RFC 6762, 5.1), so that it meets no other mDNS program of this machine and joins no group.
 */
export async function browseServices(options: BrowseOptions): Promise<FoundService[]> {
  const { type, clock, durationMs = 3000, interfaces = lanInterfaces, signal } = options
  const found = new Map<string, FoundService>()
  const onMessage = (bytes: Buffer): void => {
    for (const said of readServices(bytes, type)) {
      const service = { ...said, addresses: said.addresses.filter(isOfOneHost) }
      const key = `${service.instance} ${service.port} ${service.addresses.join()}`
      if (found.size < maxFound) found.set(key, service)
    }
  }
  const sockets = await Promise.all(interfaces().map(lan => openSocket(lan, onMessage)))
  const open = sockets.filter(socket => socket !== undefined)
  const question = renderQuestion(type)
  const timers: Cancel[] = askAtMs.map(at => clock.after(at, () => ask(open, question)))
  try {
    if (open.length > 0) await sleep(clock, durationMs, signal)
  } finally {
    for (const cancel of timers) cancel()
    for (const socket of open) socket.close()
  }
  return [...found.values()]
}

/** An answer may name any address, as through a repeater between two LANs, but none that leads to this machine itself or to a group. */
function isOfOneHost(address: string): boolean {
  const first = Number(address.split('.')[0])
  return first !== 0 && first !== 127 && first < 224
}

/** Bound to one interface's address, so that the question goes out there whatever the routes say. Undefined when that cannot be. */
function openSocket(lan: LanInterface, onMessage: (bytes: Buffer) => void): Promise<Socket | undefined> {
  const { address } = lan
  return new Promise(resolve => {
    const socket = createSocket('udp4')
    // RFC 6762, 11: what a router has let through does not count, whoever it is from.
    socket.on('message', (bytes, from) => {
      if (interfaceTowards(from.address, [lan])) onMessage(bytes)
    })
    const fail = (): void => {
      // Not bound, and open all the same.
      socket.close()
      resolve(undefined)
    }
    socket.once('error', fail)
    socket.bind({ address, port: 0 }, () => {
      try {
        socket.setMulticastInterface(address)
        // The interface went away meanwhile. Whoever has the socket closes it.
        socket.off('error', fail).on('error', () => undefined)
        resolve(socket)
      } catch {
        socket.close()
        resolve(undefined)
      }
    })
  })
}

function ask(sockets: Socket[], question: Buffer): void {
  for (const socket of sockets) {
    // A network that is just going down takes nothing; the next question may get through.
    socket.send(question, mdnsPort, mdnsGroup, () => undefined)
  }
}
