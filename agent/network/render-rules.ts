/**
 * Renders our one nftables table, purely. The layout is flat: no chain per service, so that a packet costs three look-ups and a
 * change costs its own elements, whatever the number of services.
 *
 *     cluster_ips   address . protocol . port → goto lbN     (N endpoints)
 *     lbN           random mod N              → goto slotK
 *     slotK         address . protocol . port → endpoint K of that service
 *
 * and the same for node ports, without the address. A service's own address is its key, and there is a slot of each number: so
 * nothing needs an id, nor a packet or connection mark to carry one, which are other programs' too. All types are declared by
 * name: with `typeof`, nft 1.0.6 either takes TCP for granted or cannot read its own map back.
 */
import type { ServiceNetwork } from './network.ts'
import { clusterIPKey, nodePortKey, renderFixedChains } from './render-chains.ts'

export const tableName = 'flotilla'

/** `key` and `value` as nft writes them; in a set, `value` is ''. */
export interface Element {
  /** A fixed map or set, or a slot. */
  map: string
  key: string
  value: string
}

/** What a packet was sent to: a service's own address, or a port of this board. */
export type Door = 'clusterIP' | 'nodePort'

/** Chains and maps that are made when the first service needs them. */
export interface Structures {
  /** Names of chains that choose among N endpoints. */
  balancers: string[]
  /** Names of maps (and of the chains that use them) that hold the endpoints of one number. */
  slots: string[]
}

const prefixes: Record<Door, string> = { clusterIP: '', nodePort: 'node_' }

/** Chooses at random, or always the same for a client (`sticky`). */
export function balancerName(door: Door, of: { sticky: boolean; endpoints: number }): string {
  return `${prefixes[door]}${of.sticky ? 'sticky' : 'lb'}${of.endpoints}`
}

export function slotName(door: Door, index: number): string {
  return `${prefixes[door]}slot${index}`
}

export function isSlot(map: string): boolean {
  return /^(node_)?slot\d+$/.test(map)
}

/** Add, delete, add: nft before 1.0.7 has no `destroy`, and one transaction leaves no moment without rules. */
export function renderWhole(structures: Structures, elements: Element[], network: ServiceNetwork | undefined): string {
  return [
    renderRemoval(),
    `table ip ${tableName} {`,
    ...fixedMaps,
    ...renderFixedChains(network),
    '}',
    ...renderStructures(structures),
    ...renderElements('add', elements),
    '',
  ].join('\n')
}

export interface ElementChange extends Structures {
  removed: Element[]
  added: Element[]
}

/** Removal first: a key whose value changes is in both lists. */
export function renderChange({ removed, added, ...structures }: ElementChange): string {
  const elements = [...renderElements('delete', removed), ...renderElements('add', added)]
  return [...renderStructures(structures), ...elements, ''].join('\n')
}

/** Succeeds whether or not the table is there. */
export function renderRemoval(): string {
  return `add table ip ${tableName}\ndelete table ip ${tableName}`
}

/** Slots first: balancers go to their chains. */
function renderStructures({ slots, balancers }: Structures): string[] {
  return [...slots.flatMap(renderSlot), ...balancers.flatMap(renderBalancer)]
}

function renderSlot(name: string): string[] {
  const key = name.startsWith(prefixes.nodePort) ? nodePortKey : clusterIPKey
  return [
    `add map ip ${tableName} ${name} { type ${key.type} : ipv4_addr . inet_service; }`,
    `add chain ip ${tableName} ${name}`,
    `add rule ip ${tableName} ${name} dnat ip to ${key.expression} map @${name}`,
  ]
}

function renderBalancer(name: string): string[] {
  const [, prefix = '', kind, endpoints] = /^(node_)?(lb|sticky)(\d+)$/.exec(name) ?? []
  const draw = kind === 'lb' ? 'numgen random' : 'jhash ip saddr'
  // A fixed seed: a client keeps its pod when the table is written anew.
  const seed = kind === 'lb' ? '' : ' seed 0xf1071a'
  const targets = Array.from({ length: Number(endpoints) }, (_, index) => `${index} : goto ${prefix}slot${index}`)
  return [
    `add chain ip ${tableName} ${name}`,
    `add rule ip ${tableName} ${name} jump mark_outside`,
    `add rule ip ${tableName} ${name} ${draw} mod ${endpoints}${seed} vmap { ${targets.join(', ')} }`,
  ]
}

function renderElements(verb: 'add' | 'delete', elements: Element[]): string[] {
  return [...Map.groupBy(elements, element => element.map)].map(([map, of]) => {
    const list = of.map(({ key, value }) => (value === '' || verb === 'delete' ? key : `${key} : ${value}`))
    return `${verb} element ip ${tableName} ${map} { ${list.join(', ')} }`
  })
}

const fixedMaps = [
  `map cluster_ips { type ${clusterIPKey.type} : verdict; }`,
  `map node_ports { type ${nodePortKey.type} : verdict; }`,
  `set closed_node_ports { type ${nodePortKey.type}; }`,
  'set hairpins { type ipv4_addr . ipv4_addr; }',
]
