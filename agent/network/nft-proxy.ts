/** ServiceProxy on nftables: holds the wanted rules in memory and sends the kernel only what changed. */
import type { ServiceRoute } from '../../contract/wire/fleet.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import { formatCidr } from './cidr.ts'
import { createCommandRunner, type RunCommand } from './command.ts'
import type { ServiceNetwork, ServiceProxy, ServiceProxyChange } from './network.ts'
import { Nft } from './nft.ts'
import { RuleTable } from './plan-rules.ts'
import { renderChange, renderRemoval, renderWhole } from './render-rules.ts'
import { hasUdp, isUdpSlot, pickStaleFlows } from './stale-flows.ts'
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
  #nft: Nft
  #endUdpFlows: (stale: (flow: UdpFlow) => boolean) => Promise<void>
  #network: ServiceNetwork | undefined
  /** What the kernel holds; undefined when that is not known. */
  #table: RuleTable | undefined
  /** Our table's own structure, as it was read after the last change of it. */
  #fingerprint: string | undefined
  #checkedAtMs = 0
  /** Grows with each `invalidate`, so that one that comes during a write is not lost. */
  #doubts = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor({ clock, log, run }: Required<NftProxyOptions>) {
    this.#clock = clock
    this.#log = log
    this.#nft = new Nft(run)
    this.#endUdpFlows = createUdpFlowEnder(run, log)
  }

  apply(services: ServiceRoute[], network?: ServiceNetwork): Promise<ServiceProxyChange> {
    return this.#inTurn(async () => {
      if (network) this.#setNetwork(network)
      await this.#checkNowAndThen()
      if (!this.#table || this.#table.madeSinceWhole > maxBalancersMade) return this.#writeWhole(services)
      try {
        return await this.#writeChange(this.#table, services)
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
    return this.#inTurn(async () => {
      this.#table = undefined
      await this.#nft.write(`${renderRemoval()}\n`)
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
    table.update(services)
    const elements = table.elements()
    await this.#write(table, renderWhole(table.structures(), elements, this.#network))
    await this.#readFingerprint()
    if (services.some(hasUdp))
      await this.#endUdpFlows(pickStaleFlows({ services, network: this.#network, removed: [] }))
    return { added: elements.length, removed: 0, whole: true }
  }

  async #writeChange(table: RuleTable, services: ServiceRoute[]): Promise<ServiceProxyChange> {
    const change = table.update(services)
    const { removed, added } = change
    if (removed.length + added.length > 0) await this.#write(table, renderChange(change))
    if (change.balancers.length + change.slots.length > 0) await this.#readFingerprint()
    if (removed.some(isUdpSlot)) await this.#endUdpFlows(pickStaleFlows({ services, network: this.#network, removed }))
    return { added: added.length, removed: removed.length, whole: false }
  }

  /** Until the kernel has said yes, nobody knows what it holds. */
  async #write(table: RuleTable, transaction: string): Promise<void> {
    const doubts = this.#doubts
    this.#table = undefined
    await this.#nft.write(transaction)
    if (doubts === this.#doubts) this.#table = table
  }

  async #readFingerprint(): Promise<void> {
    this.#fingerprint = await this.#nft.fingerprint()
    this.#checkedAtMs = this.#clock.monotonic()
  }

  /** One call after the other: two changes made from one state would contradict each other. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(run)
    // Its own caller hears of a failure; the next in line does not.
    this.#turn = mine.catch(() => undefined)
    return mine
  }
}
