/**
 * Renders our one nftables table, purely. The layout is flat: no chain per service, so that a packet costs two map lookups and
 * a change costs its own elements, whatever the number of services.
 *
 *     cluster_ips        address . protocol . port         → goto lbN      (N endpoints)
 *     lbN                dnat to  address . protocol . port . random mod N  in cluster_ip_slots
 *     cluster_ip_slots   address . protocol . port . slot  → endpoint
 *
 * and the same for node ports, without the address. A service's own address is its key: nothing needs a number or a ct mark.
 */
import type { ServiceNetwork } from './network.ts'

export const tableName = 'flotilla'

/** The maps and sets of the table; in a set, elements have the value ''. */
export const mapTypes = {
  cluster_ips: 'map cluster_ips { type ipv4_addr . inet_proto . inet_service : verdict; }',
  cluster_ip_slots: `map cluster_ip_slots { ${slotType('ip daddr . meta l4proto . th dport')} }`,
  node_ports: 'map node_ports { type inet_proto . inet_service : verdict; }',
  node_port_slots: `map node_port_slots { ${slotType('meta l4proto . th dport')} }`,
  closed_node_ports: 'set closed_node_ports { type inet_proto . inet_service; }',
  hairpins: 'set hairpins { type ipv4_addr . ipv4_addr; }',
} as const

export type MapName = keyof typeof mapTypes

/** `key` and `value` as nft writes them. */
export interface Element {
  map: MapName
  key: string
  value: string
}

/** The chains that choose among N endpoints: at random, or always the same one for a client (`sticky`). */
export function balancerName(of: { sticky: boolean; nodePort: boolean; endpoints: number }): string {
  return `${of.nodePort ? 'node_' : ''}${of.sticky ? 'sticky' : 'lb'}${of.endpoints}`
}

/** Add, delete, add: nft before 1.0.7 has no `destroy`, and one transaction leaves no moment without rules. */
export function renderWhole(balancers: string[], elements: Element[], network: ServiceNetwork | undefined): string {
  return [
    renderRemoval(),
    `table ip ${tableName} {`,
    ...Object.values(mapTypes),
    ...renderOutside(network),
    ...fixedChains,
    ...renderPostrouting(network),
    ...renderRefusals(network),
    '}',
    ...renderBalancers(balancers),
    ...renderElements('add', elements),
    '',
  ].join('\n')
}

/** Removal first: a key whose value changes is in both lists. */
export function renderChange(balancers: string[], removed: Element[], added: Element[]): string {
  const lines = [...renderBalancers(balancers), ...renderElements('delete', removed), ...renderElements('add', added)]
  return `${lines.join('\n')}\n`
}

/** Succeeds whether or not the table is there. */
export function renderRemoval(): string {
  return `add table ip ${tableName}\ndelete table ip ${tableName}`
}

function slotType(key: string): string {
  return `typeof ${key} . numgen random mod 65536 : ip daddr . th dport;`
}

function renderBalancers(names: string[]): string[] {
  return names.flatMap(name => {
    const [, nodePort, kind, endpoints] = /^(node_)?(lb|sticky)(\d+)$/.exec(name) ?? []
    const slot = `${kind === 'lb' ? 'numgen random' : 'jhash ip saddr'} mod ${endpoints}`
    const target = nodePort
      ? `meta l4proto . th dport . ${slot} map @node_port_slots`
      : `ip daddr . meta l4proto . th dport . ${slot} map @cluster_ip_slots`
    return [
      `add chain ip ${tableName} ${name}`,
      `add rule ip ${tableName} ${name} jump mark_outside`,
      `add rule ip ${tableName} ${name} dnat ip to ${target}`,
    ]
  })
}

function renderElements(verb: 'add' | 'delete', elements: Element[]): string[] {
  return Object.entries(Object.groupBy(elements, element => element.map)).map(([map, of]) => {
    const list = of.map(({ key, value }) => (value === '' || verb === 'delete' ? key : `${key} : ${value}`))
    return `${verb} element ip ${tableName} ${map} { ${list.join(', ')} }`
  })
}

/** Packets from a board's own processes never pass prerouting, nor do their answers meet a nat chain again. */
const fixedChains = [
  'chain services {',
  '  ip daddr . meta l4proto . th dport vmap @cluster_ips',
  // Loopback is left alone: a packet from 127.0.0.1 cannot leave the board.
  '  ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @node_ports',
  '}',
  'chain prerouting {',
  '  type nat hook prerouting priority -100; policy accept;',
  '  jump services',
  '}',
  'chain output {',
  '  type nat hook output priority -100; policy accept;',
  '  jump services',
  '}',
]

/** One bit of the packet's mark, set between prerouting and postrouting only; kube-proxy's, so other tools keep off it. */
const outsideBit = '0x4000'
const otherBits = '0xffffbfff'

function renderOutside(network: ServiceNetwork | undefined): string[] {
  if (!network) return ['chain mark_outside {', '}']
  return [
    'chain mark_outside {',
    `  ip saddr != ${network.clusterCIDR} fib saddr type != local meta mark set meta mark or ${outsideBit}`,
    '}',
  ]
}

function renderPostrouting(network: ServiceNetwork | undefined): string[] {
  if (!network) return []
  const { podCIDR, clusterCIDR } = network
  return [
    'chain from_outside {',
    `  meta mark set meta mark and ${otherBits}`,
    // Another board would answer the client itself, from an address that the client never wrote to.
    `  ip daddr != ${podCIDR} masquerade fully-random`,
    '}',
    'chain postrouting {',
    '  type nat hook postrouting priority 100; policy accept;',
    `  meta mark and ${outsideBit} == ${outsideBit} jump from_outside`,
    // A pod that was given itself would answer itself without passing the board.
    '  ip saddr . ip daddr @hairpins masquerade fully-random',
    // Beyond the cluster nobody knows the way back to a pod.
    `  ip saddr ${podCIDR} ip daddr != ${clusterCIDR} masquerade fully-random`,
    '}',
  ]
}

/** What still carries a service's address here was not translated, so nothing serves it: say so at once. */
function renderRefusals(network: ServiceNetwork | undefined): string[] {
  const unserved = network ? [`  ip daddr ${network.serviceCIDR} goto refuse`] : []
  return [
    'chain refuse {',
    '  meta l4proto tcp reject with tcp reset',
    '  reject with icmp type port-unreachable',
    '}',
    ...['forward', 'output'].flatMap(hook => [
      `chain refuse_${hook} {`,
      `  type filter hook ${hook} priority 0; policy accept;`,
      ...unserved,
      '}',
    ]),
    'chain refuse_input {',
    '  type filter hook input priority 0; policy accept;',
    '  ct state new fib daddr type local meta l4proto . th dport @closed_node_ports goto refuse',
    '}',
  ]
}
