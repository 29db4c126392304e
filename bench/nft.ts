/** What a change of one endpoint costs in the kernel among few and many services, and what loading all of them costs. */
import { createNftProxy } from '../agent/network/nft-proxy.ts'
import type { ServiceRoute } from '../contract/wire/fleet.ts'
import { systemClock } from '../kit/clock.ts'
import { silentLog } from '../kit/log.ts'
import { NamespaceGroup, type Netns } from '../test/support/netns.ts'
import type { BenchRow } from './row.ts'

const sizes = [10, 1000, 10_000]
const rounds = 25
const network = { podCIDR: '10.244.1.0/24', clusterCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/12' }

/** Needs root, nft and ip; works in namespaces of its own. */
export async function benchNft(): Promise<BenchRow[]> {
  const group = new NamespaceGroup()
  try {
    const measured: Measured[] = []
    for (const size of sizes) measured.push(await measure(await group.add(`bench-${size}`), size))
    return toRows(measured)
  } finally {
    await group.remove()
  }
}

interface Measured {
  size: number
  loadMs: number
  updateMs: number
}

/** The same call that the agent makes: planning, rendering and the process of nft are all in the time. */
async function measure(netns: Netns, size: number): Promise<Measured> {
  const proxy = createNftProxy({ clock: systemClock, log: silentLog, run: netns.run })
  const services = Array.from({ length: size }, (_, index) => service(index, 0))
  const loadMs = await timed(() => proxy.apply(services, network))
  const updates: number[] = []
  for (let round = 1; round <= rounds; round += 1) {
    const changed = services.with(round % size, service(round % size, round))
    updates.push(await timed(() => proxy.apply(changed)))
  }
  return { size, loadMs, updateMs: median(updates) }
}

/** Three endpoints; `generation` moves one of them. */
function service(index: number, generation: number): ServiceRoute {
  const hosts = [0, 1, 2].map(
    slot => `10.244.${(index + slot) & 255}.${slot === 0 ? 100 + (generation % 100) : slot + 1}`,
  )
  const endpoints = hosts.map(ip => ({ ip, port: 8080, node: 'board' }))
  const ports = [{ name: 'http', protocol: 'TCP' as const, port: 80, endpoints }]
  const clusterIP = `10.96.${index >> 8}.${index & 255}`
  return { namespace: 'default', name: `s${index}`, clusterIP, sessionAffinity: 'None', ports }
}

function toRows(measured: Measured[]): BenchRow[] {
  const [least, most] = [measured[0]!, measured.at(-1)!]
  return [
    ...measured.map(({ size, updateMs }) => ({
      name: `nft: one endpoint changes, ${size} services`,
      value: updateMs,
      unit: 'ms',
      note: `p50 of ${rounds}`,
    })),
    {
      name: `nft: the same, ${most.size} to ${least.size} services`,
      value: most.updateMs / least.updateMs,
      unit: 'ratio',
    },
    { name: `nft: load ${most.size} services`, value: most.loadMs, unit: 'ms', note: 'one transaction' },
  ]
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begin = systemClock.monotonic()
  await run()
  return systemClock.monotonic() - begin
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
