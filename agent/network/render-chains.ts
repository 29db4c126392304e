/** Renders the chains of our table that are there whatever the services: where packets come in, are refused, and leave. */
import type { ServiceNetwork } from './network.ts'

/** By what a service is found: the address and port that a packet was sent to. */
export const clusterIPKey = {
  type: 'ipv4_addr . inet_proto . inet_service',
  expression: 'ip daddr . meta l4proto . th dport',
}
export const nodePortKey = { type: 'inet_proto . inet_service', expression: 'meta l4proto . th dport' }

export function renderFixedChains(network: ServiceNetwork | undefined): string[] {
  return [...renderOutside(network), ...serviceChains, ...renderPostrouting(network), ...renderRefusals(network)]
}

/** The board's own packets pass `output` and not `prerouting`. */
const serviceChains = [
  'chain services {',
  `  ${clusterIPKey.expression} vmap @cluster_ips`,
  // Loopback is left alone: a packet from 127.0.0.1 cannot leave the board.
  `  ip daddr != 127.0.0.0/8 fib daddr type local ${nodePortKey.expression} vmap @node_ports`,
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
    `  ct state new fib daddr type local ${nodePortKey.expression} @closed_node_ports goto refuse`,
    '}',
  ]
}
