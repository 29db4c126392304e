/** Decides, purely, which elements of our table change when the services do: the work is proportional to the change. */
import type { ServiceRoute } from '../../contract/wire/fleet.ts'
import type { ServiceNetwork } from './network.ts'
import type { Element, MapName } from './render-rules.ts'
import { renderService } from './render-service.ts'

export interface RuleChange {
  /** Chains that are not there yet. Those no longer used stay: there is one per number of endpoints, and they cost nothing. */
  balancers: string[]
  removed: Element[]
  added: Element[]
}

interface Known {
  route: ServiceRoute
  elements: Element[]
}

interface Claim {
  owner: string
  element: Element
}

/** The table as the kernel should hold it. What `update` returned must reach the kernel, or this must be thrown away. */
export class RuleTable {
  readonly network: ServiceNetwork | undefined
  #services = new Map<string, Known>()
  /** By map and key. Of several services that want one key the first by name has it, in whatever order they came. */
  #claims = new Map<string, Claim[]>()
  #balancers = new Set<string>()

  constructor(network: ServiceNetwork | undefined) {
    this.network = network
  }

  /** Takes in the whole wish. A service that is the very object of the last call is known to be unchanged. */
  update(services: ServiceRoute[]): RuleChange {
    const before = new Map<string, Element | undefined>()
    const wanted = new Map(services.map(route => [`${route.namespace}/${route.name}`, route]))
    for (const name of this.#services.keys()) {
      if (!wanted.has(name)) this.#replace(name, undefined, before)
    }
    for (const [name, route] of wanted) {
      if (this.#services.get(name)?.route !== route) this.#replace(name, route, before)
    }
    return this.#changeSince(before)
  }

  /** Every element that the table holds, and every chain that they go to. */
  whole(): { balancers: string[]; elements: Element[] } {
    const elements = [...this.#claims.values()].flatMap(claims => (claims[0] ? [claims[0].element] : []))
    return { balancers: [...this.#balancers], elements }
  }

  #replace(name: string, route: ServiceRoute | undefined, before: Map<string, Element | undefined>): void {
    const elements = route ? renderService(route, this.network) : []
    for (const element of this.#services.get(name)?.elements ?? []) this.#release(name, element, before)
    for (const element of elements) this.#claim({ owner: name, element }, before)
    if (route) this.#services.set(name, { route, elements })
    else this.#services.delete(name)
  }

  #claim(claim: Claim, before: Map<string, Element | undefined>): void {
    const claims = this.#touch(claim.element, before)
    const at = claims.findIndex(other => other.owner > claim.owner)
    claims.splice(at === -1 ? claims.length : at, 0, claim)
    this.#claims.set(idOf(claim.element), claims)
  }

  #release(owner: string, element: Element, before: Map<string, Element | undefined>): void {
    const left = this.#touch(element, before).filter(claim => claim.owner !== owner)
    if (left.length > 0) this.#claims.set(idOf(element), left)
    else this.#claims.delete(idOf(element))
  }

  /** Remembers what held this key before the update began. */
  #touch(element: Element, before: Map<string, Element | undefined>): Claim[] {
    const id = idOf(element)
    const claims = this.#claims.get(id) ?? []
    if (!before.has(id)) before.set(id, claims[0]?.element)
    return claims
  }

  #changeSince(before: Map<string, Element | undefined>): RuleChange {
    const change: RuleChange = { balancers: [], removed: [], added: [] }
    for (const [id, old] of before) {
      const now = this.#claims.get(id)?.[0]?.element
      if (old?.value === now?.value) continue
      if (old) change.removed.push(old)
      if (now) change.added.push(now)
    }
    change.balancers = this.#newBalancers(change.added)
    return change
  }

  #newBalancers(added: Element[]): string[] {
    const names = new Set(added.filter(usesBalancer).map(element => element.value.slice('goto '.length)))
    const missing = [...names].filter(name => !this.#balancers.has(name))
    for (const name of missing) this.#balancers.add(name)
    return missing
  }
}

const verdictMaps: ReadonlySet<MapName> = new Set<MapName>(['cluster_ips', 'node_ports'])

function usesBalancer(element: Element): boolean {
  return verdictMaps.has(element.map)
}

function idOf(element: Element): string {
  return `${element.map} ${element.key}`
}
