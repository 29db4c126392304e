/** A registry mirror for the boards: one in the LAN is used as it is, one on this machine's loopback is carried into the LAN. */
import { join } from 'node:path'
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { killCgroup, listProcesses } from './cgroups.ts'
import { inCgroup, inNetns } from './inside.ts'
import { lanAddress } from './layout.ts'
import { startDetached } from './run.ts'
import type { Lab, Relay } from './state.ts'

export interface MirrorPlan {
  /** As containerd on the boards reaches it. */
  url: string
  /** Set when connections to `url` must be carried to this machine. */
  relay?: Relay
}

/** Pure. Rejects a URL that no board could reach. */
export function planMirror(text: string): MirrorPlan {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol))
    throw new CodedError('BadRequest', `cannot use the mirror "${text}": because it is not an http(s) URL`)
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const path = url.pathname === '/' ? '' : url.pathname
  if (/^10\.77\.0\.\d+$/.test(url.hostname)) return { url: `${url.protocol}//${url.host}${path}` }
  const host = url.hostname === '[::1]' ? '::1' : url.hostname
  if (!['localhost', '127.0.0.1', '::1'].includes(host)) {
    const why = `boards reach only their LAN; give one on localhost, or on ${lanAddress} by 'flotilla lab exec lan'`
    throw new CodedError('BadRequest', `cannot use the mirror "${text}": because ${why}`)
  }
  return { url: `${url.protocol}//${lanAddress}:${port}${path}`, relay: { lanPort: port, host, port } }
}

/** Starts the two relays of the lab's mirror; again when it was `renewed` or one has died. They end with the lab's cgroup. */
export async function ensureRelays({ layout, state }: Lab, renewed: boolean, clock: Clock): Promise<void> {
  const cgroup = `${layout.cgroup}/relay`
  if (!renewed && listProcesses(cgroup).length === 2) return
  await killCgroup(cgroup, clock)
  if (!state.relay) return
  const { host, port, lanPort } = state.relay
  const words = (from: string, to: string): string[] => [...state.program, 'lab', 'relay', from, to]
  const outside = words(`unix:${layout.mirrorSocket}`, `tcp:${host}:${port}`)
  const inside = words(`tcp:${lanAddress}:${lanPort}`, `unix:${layout.mirrorSocket}`)
  const logFile = join(layout.dir, 'relay.log')
  await startDetached(await inCgroup(cgroup, outside), { logFile })
  await startDetached(await inCgroup(cgroup, inNetns(layout.lan.netns, inside)), { logFile })
}
