/** ServiceProxy on nftables: holds the wanted rules in memory and sends the kernel only what changed. */
import type { ServiceRoute } from '../../contract/wire/fleet.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import { formatCidr } from './cidr.ts'
import { createCommandRunner, type RunCommand } from './command.ts'
import type { ServiceNetwork, ServiceProxy, ServiceProxyChange } from './network.ts'
import { readFingerprint, writeRules } from './nft.ts'
import { RuleTable } from './plan-rules.ts'
import { type Element, renderChange, renderRemoval, renderWhole } from './render-rules.ts'
import { hasUdp, isUdpSlot, pickStaleFlows } from './stale-flows.ts'
import { Turns } from './turns.ts'
import { createUdpFlowEnder, type UdpFlow } from './udp-flows.ts'

export interface NftProxyOptions {
  clock: Clock
  log: Log
  /** Default: in the network namespace of this process. */
  run?: RunCommand
}

/** How often `apply` looks whether somebody else has flushed or changed our table (`systemctl restart nftables` does). */
const recheckMs = 30_000

/** Balancers no longer used stay in the kernel until so many were made; then the table is written whole, without them. */
const maxBalancersMade = 256

export function createNftProxy({ clock, log, run = createCommandRunner({ clock }) }: NftProxyOptions): ServiceProxy {
  return new NftProxy({ clock, log, run })
}

class NftProxy implements ServiceProxy {
  #clock: Clock
  #log: Log
  #run: RunCommand
  #endUdpFlows: (stale: (flow: UdpFlow) => boolean) => Promise<void>
  #network: ServiceNetwork | undefined
  /** What the kernel holds; undefined when that is not known. */
  #table: RuleTable | undefined
  /** Our table's own structure, as it was read after the last change of it. */
  #fingerprint: string | undefined
  #checkedAtMs = 0
  /** Grows with each `invalidate`, so that one that comes during a write is not lost. */
  #doubts = 0
  /** Two changes made from one state would contradict each other. */
  #turns = new Turns()

  constructor({ clock, log, run }: Required<NftProxyOptions>) {
    this.#clock = clock
    this.#log = log
    this.#run = run
    this.#endUdpFlows = createUdpFlowEnder(run, log)
  }

  apply(services: ServiceRoute[], network?: ServiceNetwork): Promise<ServiceProxyChange> {
    return this.#turns.run(async () => {
      if (network) this.#setNetwork(network)
      await this.#checkNowAndThen()
      const table = this.#table
      if (!table || table.madeSinceWhole > maxBalancersMade) return this.#writeWhole(services)
      try {
        return await this.#writeChange(table, services)
      } catch (error) {
        this.#log.warn('cannot change the rules one by one; writing them whole', { error })
        return this.#writeWhole(services)
      }
    })
  }

  invalidate(): void {
    this.#doubts += 1
    this.#table = undefined
  }

  clear(): Promise<void> {
    return this.#turns.run(async () => {
      this.#table = undefined
      await writeRules(this.#run, `${renderRemoval()}\n`)
    })
  }

  /** Rejects (`Invalid`) a range that is none, before any of it gets into the rules. */
  #setNetwork({ podCIDR, clusterCIDR, serviceCIDR }: ServiceNetwork): void {
    const network = {
      podCIDR: formatCidr(podCIDR),
      clusterCIDR: formatCidr(clusterCIDR),
      serviceCIDR: formatCidr(serviceCIDR),
    }
    if (JSON.stringify(network) !== JSON.stringify(this.#network)) this.#table = undefined
    this.#network = network
  }

  async #checkNowAndThen(): Promise<void> {
    if (!this.#table || this.#clock.monotonic() - this.#checkedAtMs < recheckMs) return
    const before = this.#fingerprint
    await this.#readFingerprint()
    if (this.#fingerprint === before) return
    this.#log.warn('somebody changed our rules; writing them whole')
    this.#table = undefined
  }

  async #writeWhole(services: ServiceRoute[]): Promise<ServiceProxyChange> {
    const table = new RuleTable(this.#network)
    const { added } = table.update(services)
    await this.#believe(table, async () => {
      await writeRules(this.#run, renderWhole(table.structures(), added, this.#network))
      await this.#readFingerprint()
    })
    if (services.some(hasUdp)) await this.#endUdpFlows(this.#staleFlows(services, []))
    return { added: added.length, removed: 0, whole: true }
  }

  async #writeChange(table: RuleTable, services: ServiceRoute[]): Promise<ServiceProxyChange> {
    const { removed, added } = await this.#believe(table, async () => {
      const change = table.update(services)
      if (change.removed.length + change.added.length > 0) await writeRules(this.#run, renderChange(change))
      if (change.balancers.length + change.slots.length > 0) await this.#readFingerprint()
      return change
    })
    if (removed.some(isUdpSlot)) await this.#endUdpFlows(this.#staleFlows(services, removed))
    return { added: added.length, removed: removed.length, whole: false }
  }

  /** Until `write` is through, nobody knows what the kernel holds; then it is `table`, unless somebody doubted it meanwhile. */
  async #believe<T>(table: RuleTable, write: () => Promise<T>): Promise<T> {
    const doubts = this.#doubts
    this.#table = undefined
    const result = await write()
    if (doubts === this.#doubts) this.#table = table
    return result
  }

  #staleFlows(services: ServiceRoute[], removed: Element[]): (flow: UdpFlow) => boolean {
    return pickStaleFlows({ services, network: this.#network, removed })
  }

  async #readFingerprint(): Promise<void> {
    this.#fingerprint = await readFingerprint(this.#run)
    this.#checkedAtMs = this.#clock.monotonic()
  }
}
