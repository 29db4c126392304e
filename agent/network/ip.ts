/** Starts ip (iproute2): the addresses of this board, and those routes that carry our own mark. */
import type { RunCommand } from './command.ts'

/** `proto` of every route that we make, so that we find our own again and touch no other. Unassigned in iproute2's rt_protos. */
const routeProtocol = 120

export interface BoardAddress {
  device: string
  address: string
  prefix: number
}

export interface Route {
  /** Destination as the kernel writes it, `10.244.1.0/24`. */
  to: string
  /** Next hop; absent for what is reached on the link itself. */
  via?: string
  device?: string
  /** The address that the board's own packets carry. */
  source?: string
}

export async function readAddresses(run: RunCommand): Promise<BoardAddress[]> {
  const links: RawLink[] = parseRows(await run(['ip', '-j', '-4', 'address', 'show', 'up']))
  return links.flatMap(link =>
    (link.addr_info ?? []).map(at => ({ device: link.ifname, address: at.local, prefix: at.prefixlen })),
  )
}

export async function readOwnRoutes(run: RunCommand): Promise<Route[]> {
  const routes: RawRoute[] = parseRows(await run(['ip', '-j', '-4', 'route', 'show', 'proto', `${routeProtocol}`]))
  return routes.map(route => ({
    to: route.dst.includes('/') ? route.dst : `${route.dst}/32`,
    ...(route.gateway && { via: route.gateway }),
    ...(route.dev && { device: route.dev }),
    ...(route.prefsrc && { source: route.prefsrc }),
  }))
}

/** One process for all. Each line stands for itself: one that fails keeps none of the others back, but the call rejects. */
export async function writeRoutes(run: RunCommand, change: { replace: Route[]; remove: Route[] }): Promise<void> {
  const lines = [
    ...change.remove.map(route => `route delete ${route.to} proto ${routeProtocol}`),
    ...change.replace.map(route => `route replace ${renderRoute(route)} proto ${routeProtocol}`),
  ]
  if (lines.length > 0) await run(['ip', '-4', '-force', '-batch', '-'], { stdin: `${lines.join('\n')}\n` })
}

export function renderRoute({ to, via, device, source }: Route): string {
  const words = [
    to,
    ...(via ? ['via', via] : []),
    ...(device ? ['dev', device] : []),
    ...(source ? ['src', source] : []),
  ]
  return words.join(' ')
}

interface RawLink {
  ifname: string
  addr_info?: Array<{ local: string; prefixlen: number }>
}

interface RawRoute {
  dst: string
  gateway?: string
  dev?: string
  prefsrc?: string
}

/** `ip -j` prints nothing at all where there is nothing; with `-4`, links without an address are empty objects. */
function parseRows<T extends object>(json: string): T[] {
  if (json.trim() === '') return []
  return (JSON.parse(json) as T[]).filter(row => Object.keys(row).length > 0)
}
