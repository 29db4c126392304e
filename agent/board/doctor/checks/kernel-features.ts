/** What pods and Services ask of the kernel, found out by trying it in a network of its own that is gone at once. */
import type { BoardView } from '../board-view.ts'
import { defineCheck, type Finding, ok } from '../check.ts'

interface Feature {
  name: string
  what: string
  /** Modules that have it where the kernel does not. */
  modules: string[]
  try: string[]
  /** Without it no pod runs; else only what `what` names. */
  isNeeded: boolean
}

const rules = [
  'add table ip flotilla-doctor',
  'add chain ip flotilla-doctor out { type nat hook postrouting priority 100; }',
  'add rule ip flotilla-doctor out masquerade',
  'add chain ip flotilla-doctor in { type nat hook prerouting priority -100; }',
  'add map ip flotilla-doctor slots { type ipv4_addr . inet_service : ipv4_addr . inet_service; }',
  'add rule ip flotilla-doctor in ct mark set numgen random mod 2',
  'add rule ip flotilla-doctor in dnat to ip daddr . tcp dport map @slots',
].join('; ')

const addLink = (type: string, ...more: string[]): string[] => ['ip', 'link', 'add', 'flt0', 'type', type, ...more]

const features: Feature[] = [
  {
    ...{ name: 'veth', what: 'networks of pods', modules: ['veth'], isNeeded: true },
    try: addLink('veth', 'peer', 'name', 'flt1'),
  },
  {
    ...{ name: 'nftables with NAT and maps', what: 'Services', isNeeded: true, try: ['nft', rules] },
    modules: ['nf_tables', 'nft_chain_nat', 'nft_masq', 'nft_nat', 'nft_ct', 'nft_numgen'],
  },
  {
    ...{ name: 'vxlan', what: 'pods on boards of different LANs', modules: ['vxlan'], isNeeded: false },
    try: addLink('vxlan', 'id', '1', 'dstport', '4789'),
  },
  {
    ...{ name: 'macvlan', what: 'pods with an address of the LAN', modules: ['macvlan'], isNeeded: false },
    try: ['sh', '-c', 'ip link add flt0 type veth peer name flt1 && ip link add link flt0 type macvlan'],
  },
]

/** Of unshare and sh (POSIX, 2.8.2). */
const programMissing = 127

interface Facts {
  lacking: Feature[]
  hasOverlay: boolean
  /** Without root, modprobe is asked only: it knows of modules, and of those built in where the kernel's package says so. */
  tried: boolean
  /** Root that is not let: in a container, say. */
  isConfined: boolean
}

export const kernelFeaturesCheck = defineCheck('kernel', observe, judge)

async function observe(view: BoardView): Promise<Facts> {
  // unshare(1) fails with 1, and passes on what else the program ends with.
  const isConfined = view.isRoot && (await view.run(['unshare', '--net', 'true'])).status === 1
  if (isConfined) return { lacking: [], hasOverlay: true, tried: false, isConfined }
  const lacking: Feature[] = []
  for (const feature of features) if (!(await has(view, feature))) lacking.push(feature)
  return { lacking, hasOverlay: await hasOverlay(view), tried: view.isRoot, isConfined }
}

function judge({ lacking, hasOverlay, tried, isConfined }: Facts): Finding {
  if (isConfined)
    return {
      level: 'failure',
      found: 'not even root may make a network here: is this a container?',
      why: 'each pod has a network of its own',
      fix: 'use the machine itself, a virtual one, or a privileged container',
    }
  const all = ['overlay', ...features.map(({ name }) => name)].join(', ')
  if (lacking.length === 0 && hasOverlay) return ok(tried ? `${all}: tried` : all)
  const missing = [
    ...(hasOverlay ? [] : ['overlay (layers of images)']),
    ...lacking.map(({ name, what }) => `${name} (${what})`),
  ]
  const modules = [...(hasOverlay ? [] : ['overlay']), ...lacking.flatMap(feature => feature.modules)]
  if (!tried)
    return {
      level: 'warning',
      found: `perhaps the kernel has no ${missing.join(', ')}`,
      why: 'modprobe knows no such modules; only root can try what the kernel has without any',
      fix: 'use sudo',
    }
  const isNeeded = !hasOverlay || lacking.some(feature => feature.isNeeded)
  return {
    level: isNeeded ? 'failure' : 'warning',
    found: `the kernel has no ${missing.join(', ')}`,
    why: isNeeded ? 'no pod could run here' : 'pods that ask for it do not start here',
    fix: `modprobe -a ${modules.join(' ')}; if that fails, use the kernel of Debian or Raspberry Pi OS, and restart after an upgrade of it`,
    repairs: [{ do: 'run', argv: ['modprobe', '-a', ...modules] }],
  }
}

async function has({ run, isRoot }: BoardView, feature: Feature): Promise<boolean> {
  if (isRoot) {
    const { status } = await run(['unshare', '--net', ...feature.try])
    // The shell's word for "there is no such program", which another check tells of.
    if (status !== undefined && status !== programMissing) return status === 0
  }
  const known = await Promise.all(feature.modules.map(module => run(['modprobe', '--dry-run', '--quiet', module])))
  // What the kernel has built in, modprobe knows as well (modules.builtin).
  return known.every(({ status }) => status === 0)
}

async function hasOverlay({ read, run }: BoardView): Promise<boolean> {
  if (/^nodev\toverlay$/m.test((await read('/proc/filesystems')) ?? '')) return true
  return (await run(['modprobe', '--dry-run', '--quiet', 'overlay'])).status === 0
}
