/** Decides, purely, which elements of our table change when the services do: the work is proportional to the change. */
import type { ServiceRoute } from '../../contract/wire/fleet.ts'
import type { ServiceNetwork } from './network.ts'
import { type Element, type ElementChange, isSlot, type Structures } from './render-rules.ts'
import { renderService } from './render-service.ts'

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
  /** Chains and maps made so far. Those no longer used stay: an empty one costs nothing, and the next rollout wants it again. */
  #balancers = new Set<string>()
  #slots = new Set<string>()
  #madeSince = 0

  constructor(network: ServiceNetwork | undefined) {
    this.network = network
  }

  /** Takes in the whole wish. A service that is the very object of the last call is known to be unchanged. */
  update(services: ServiceRoute[]): ElementChange {
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

  /** Balancers made since the table was written whole: some of them may be out of use by now. */
  get madeSinceWhole(): number {
    return this.#madeSince
  }

  /** All chains and maps, for writing the table whole. */
  structures(): Structures {
    this.#madeSince = 0
    return { balancers: [...this.#balancers], slots: [...this.#slots] }
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

  #changeSince(before: Map<string, Element | undefined>): ElementChange {
    const removed: Element[] = []
    const added: Element[] = []
    for (const [id, old] of before) {
      const now = this.#claims.get(id)?.[0]?.element
      if (old?.value === now?.value) continue
      if (old) removed.push(old)
      if (now) added.push(now)
    }
    return { removed, added, ...this.#makeStructures(added) }
  }

  #makeStructures(added: Element[]): Structures {
    const slots = added.map(element => element.map).filter(isSlot)
    const balancers = added.filter(isVerdict).map(element => element.value.slice('goto '.length))
    const made = addMissing(this.#balancers, balancers)
    this.#madeSince += made.length
    return { balancers: made, slots: addMissing(this.#slots, slots) }
  }
}

function isVerdict(element: Element): boolean {
  return element.value.startsWith('goto ')
}

/** Returns those that were new. */
function addMissing(to: Set<string>, names: string[]): string[] {
  const missing = [...new Set(names)].filter(name => !to.has(name))
  for (const name of missing) to.add(name)
  return missing
}

function idOf(element: Element): string {
  return `${element.map} ${element.key}`
}
