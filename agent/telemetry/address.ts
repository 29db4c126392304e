/** The address by which other boards reach this one: that from which it would reach the master. */
import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'

/** Asks the kernel's routing table by connecting a UDP socket, which sends nothing. Undefined while there is no network. */
export async function findOwnAddress(masterHost: string): Promise<string | undefined> {
  const routed = await routedAddress(masterHost).catch(() => undefined)
  // The master on this very board, or a name that does not resolve just now: any address of the LAN will do.
  return routed && !routed.startsWith('127.') ? routed : firstLanAddress()
}

function routedAddress(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.once('error', error => {
      socket.close()
      reject(error)
    })
    socket.once('connect', () => {
      const { address } = socket.address()
      socket.close()
      resolve(address)
    })
    // Without a callback: one would be called for a failure too, and the address would be 0.0.0.0.
    socket.connect(9, host)
  })
}

function firstLanAddress(): string | undefined {
  const all = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.map(address => ({ name, ...address })),
  )
  // Interfaces of pods and bridges come and go, and are nobody's way to this board.
  return all.find(
    ({ name, family, internal }) => family === 'IPv4' && !internal && !/^(veth|cni|docker|br-)/.test(name),
  )?.address
}
