/** Fakes of both network ports: they record the wish and touch nothing, for tests of those who call the ports. */
import type { ServiceRoute } from '../../contract/wire/fleet.ts'
import type { PodNetwork, PodNetworkWish, ServiceNetwork, ServiceProxy, ServiceProxyChange } from './network.ts'

export class FakePodNetwork implements PodNetwork {
  /** The newest wish; undefined before the first. */
  wish: PodNetworkWish | undefined
  applied = 0
  /** While set, `apply` rejects with it and takes nothing in. */
  failure: Error | undefined

  async apply(wish: PodNetworkWish): Promise<void> {
    if (this.failure) throw this.failure
    this.wish = structuredClone(wish)
    this.applied += 1
  }
}

export class FakeServiceProxy implements ServiceProxy {
  services: ServiceRoute[] = []
  network: ServiceNetwork | undefined
  applied = 0
  /** False before the first `apply`, after `invalidate` and after `clear`. */
  believed = false
  failure: Error | undefined

  async apply(services: ServiceRoute[], network?: ServiceNetwork): Promise<ServiceProxyChange> {
    if (this.failure) throw this.failure
    const before = this.believed ? ports(this.services) : new Set<string>()
    const after = ports(services)
    const change = {
      added: after.difference(before).size,
      removed: before.difference(after).size,
      whole: !this.believed,
    }
    this.services = structuredClone(services)
    this.network = network ?? this.network
    this.applied += 1
    this.believed = true
    return change
  }

  invalidate(): void {
    this.believed = false
  }

  async clear(): Promise<void> {
    this.services = []
    this.believed = false
  }
}

/** One text per endpoint of each port: what a change is counted in. */
function ports(services: ServiceRoute[]): Set<string> {
  return new Set(
    services.flatMap(service =>
      service.ports.flatMap(port =>
        port.endpoints.map(to => `${service.clusterIP}:${port.port}/${port.protocol} ${to.ip}:${to.port}`),
      ),
    ),
  )
}
