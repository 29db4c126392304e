/** PodNetwork by CNI and host routes: the boards of one LAN send each other's pods their packets directly. */
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import { type CniConfig, writeCniConfig } from './cni-config.ts'
import { createCommandRunner, type RunCommand } from './command.ts'
import { type BoardAddress, readAddresses, readOwnRoutes, writeRoutes } from './ip.ts'
import type { PodNetwork, PodNetworkWish } from './network.ts'
import { planRoutes, type RouteFacts } from './plan-routes.ts'
import { Turns } from './turns.ts'

export interface PodNetworkOptions {
  paths: {
    /** Where containerd looks for CNI configurations, `/etc/cni/net.d`. */
    cniConfDir: string
    cniDataDir?: string
  }
  clock: Clock
  log: Log
  mtu?: number
  /** Default: in the network namespace of this process. */
  run?: RunCommand
}

/** The kernel drops routes when a link goes down, and tells nobody: how often an unchanged wish is compared with it anew. */
const recheckMs = 5000

/**
 * Loose reverse-path filter: a pod's packet may come in where the board would not send the answer out. No redirects: where the
 * board translates, "go there directly" is wrong advice, and it uses up the kernel's allowance for saying "nobody is there".
 */
const sysctls = [
  'net.ipv4.ip_forward=1',
  'net.ipv4.conf.all.rp_filter=2',
  'net.ipv4.conf.all.send_redirects=0',
  'net.ipv4.conf.default.send_redirects=0',
]

export function createPodNetwork(options: PodNetworkOptions): PodNetwork {
  return new HostRoutePodNetwork(options)
}

class HostRoutePodNetwork implements PodNetwork {
  #options: PodNetworkOptions
  #run: RunCommand
  #turns = new Turns()
  #applied = ''
  #checkedAtMs = 0
  /** Names of the boards that were reported as out of reach. */
  #reported = new Set<string>()

  constructor(options: PodNetworkOptions) {
    this.#options = options
    this.#run = options.run ?? createCommandRunner({ clock: options.clock })
  }

  apply(wish: PodNetworkWish): Promise<void> {
    return this.#turns.run(() => this.#apply(wish))
  }

  async #apply(wish: PodNetworkWish): Promise<void> {
    const wanted = JSON.stringify(wish)
    const changed = wanted !== this.#applied
    const { clock } = this.#options
    if (!changed && clock.monotonic() - this.#checkedAtMs < recheckMs) return
    this.#applied = ''
    const facts = { addresses: await readAddresses(this.#run), present: await readOwnRoutes(this.#run) }
    if (changed) await this.#applySysctls(facts.addresses)
    await writeCniConfig(this.#options.paths.cniConfDir, this.#cniConfig(wish))
    await this.#applyRoutes(wish, facts)
    this.#applied = wanted
    this.#checkedAtMs = clock.monotonic()
  }

  #cniConfig(wish: PodNetworkWish): CniConfig {
    const { paths, mtu } = this.#options
    return { podCIDR: wish.podCIDR, dataDir: paths.cniDataDir, mtu }
  }

  async #applySysctls(addresses: BoardAddress[]): Promise<void> {
    // A device's own setting counts beside `all`. Slashes, because a device may have a dot in its name.
    const devices = new Set(addresses.map(address => address.device))
    const ofDevices = [...devices].map(device => `net/ipv4/conf/${device}/send_redirects=0`)
    await this.#run(['sysctl', '-q', '-w', ...sysctls])
    // -e: one that went since it was listed, as those of pods do, keeps the routes of no other pod waiting.
    await this.#run(['sysctl', '-q', '-e', '-w', ...ofDevices])
  }

  async #applyRoutes(wish: PodNetworkWish, facts: RouteFacts): Promise<void> {
    const plan = planRoutes(wish, facts)
    for (const node of plan.beyond) this.#reportOnce(node.name, node.address)
    await writeRoutes(this.#run, plan)
  }

  #reportOnce(node: string, address: string): void {
    if (this.#reported.has(node)) return
    this.#reported.add(node)
    this.#options.log.warn('cannot route to the pods of a board: because it is on another network', {
      node,
      address,
      hint: 'connect both boards to one LAN',
    })
  }
}
