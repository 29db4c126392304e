/** Decides, purely, which routes this board needs to reach pods on other boards and service addresses. */
import { isIPv4 } from 'node:net'
import type { NodeRoute } from '../../contract/wire/fleet.ts'
import { cidrContains, formatCidr } from './cidr.ts'
import { type BoardAddress, type Route, renderRoute } from './ip.ts'
import type { PodNetworkWish } from './network.ts'

export interface RoutePlan {
  replace: Route[]
  remove: Route[]
  /** Boards that are not on a network of this one, so that no host route leads to their pods. */
  beyond: NodeRoute[]
}

export interface RouteFacts {
  addresses: BoardAddress[]
  /** Routes of ours that are there. */
  present: Route[]
}

export function planRoutes(wish: PodNetworkWish, { addresses, present }: RouteFacts): RoutePlan {
  const others = wish.nodes.filter(node => node.name !== wish.nodeName && isIPv4(node.address))
  const near = others.filter(node => linkTo(node.address, addresses))
  const beyond = others.filter(node => !near.includes(node))
  const wanted = [
    ...near.map(node => ({
      to: formatCidr(node.podCIDR),
      via: node.address,
      device: linkTo(node.address, addresses)?.device ?? '',
    })),
    ...routeToServices(wish, addresses),
  ]
  const have = new Set(present.map(renderRoute))
  const destinations = new Set(wanted.map(route => route.to))
  return {
    replace: wanted.filter(route => !have.has(renderRoute(route))),
    remove: present.filter(route => !destinations.has(route.to)),
    beyond,
  }
}

/**
 * A process of the board asks the routing table before our rules see its packet: without a default route (uplink or DHCP gone)
 * no service would be reachable. This route lets such packets set out, with the board's own LAN address.
 */
function routeToServices(wish: PodNetworkWish, addresses: BoardAddress[]): Route[] {
  const self = wish.nodes.find(node => node.name === wish.nodeName)
  const own = addresses.find(at => at.address === self?.address)
  return own ? [{ to: formatCidr(wish.serviceCIDR), device: own.device, source: own.address }] : []
}

function linkTo(address: string, addresses: BoardAddress[]): BoardAddress | undefined {
  return addresses.find(at => at.address !== address && cidrContains(`${at.address}/${at.prefix}`, address))
}
