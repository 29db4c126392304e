/** Chooses and fetches Debian's packages: which ones, and what for. */
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { checkManifest, type Deb, openApt, renderManifest } from '../apt.ts'
import { type Fetched, placesOf, type Recipe, type Stage } from './recipe.ts'

/** What a system of ours is made of, besides what these depend on. */
const wanted = {
  // All that Debian takes for granted, but apt: the system is replaced as a whole, and dpkg still knows what is in it.
  '?and(?essential,?not(?exact-name(apt)))': 'what every Debian has',
  'systemd-sysv': 'starts and watches everything',
  udev: 'loads drivers',
  dbus: 'hostnamectl, timedatectl and systemctl of other users speak over it',
  'systemd-resolved': 'name servers from DHCP',
  'systemd-timesyncd': 'the time, which a Pi does not keep',
  'systemd-zram-generator': 'swap in compressed memory instead of on the card',
  wpasupplicant: 'wifi',
  'wireless-regdb': 'which wifi channels are lawful where',
  'openssh-server': 'for people, where the card has their keys',
  sudo: 'for those people',
  containerd: 'runs the pods',
  runc: 'runs the pods',
  'containernetworking-plugins': "pods' interfaces",
  nftables: 'services',
  conntrack: 'services over UDP that move',
  iproute2: 'routes between boards',
  'iputils-ping': 'the first question of whoever looks for a fault',
  procps: 'sysctl at the start; ps and free for people',
  kmod: 'loads drivers',
  fdisk: 'grows the card at the first start',
  e2fsprogs: 'makes and mends the file system of the data',
  dosfstools: 'mends the boot partition',
  'ca-certificates': 'whom registries of images are believed by',
  tzdata: 'the time zone that the card names',
  'busybox-static': 'the initrd; vi and less for people',
}

const kernelParts = /^linux-(image|binary|modules|base)-\d/

export const packages: Stage = {
  name: '10-packages',
  what: 'fetch the packages',
  async run(recipe) {
    const { machine, cache, flotillaDeb, pinned } = recipe
    const { package: kernel, suite } = machine.kernel
    const apt = await openApt({
      architecture: machine.architecture,
      folder: placesOf(recipe).apt,
      archives: join(cache, 'debs'),
      isPast: pinned !== undefined,
      pins: suite === undefined ? [] : [{ packages: 'linux-*', suite }],
    })
    const installed = await apt.fetchWithDependencies([...Object.keys(wanted), flotillaDeb])
    // The kernel depends on makers of an initrd, of which we have our own: so by its parts.
    const names = (await apt.closure(kernel, /^linux-(image|binary|modules|base)-/)).filter(name =>
      kernelParts.test(name),
    )
    const parts = await apt.fetch([...names, ...machine.parts])
    await keep(recipe, { installed, parts })
    await forgetOlder(join(cache, 'debs'), [...installed, ...parts])
    const lines = renderManifest([...installed, ...parts])
    if (pinned) checkManifest(lines, pinned)
    return `${lines.length} packages`
  },
}

async function keep(recipe: Recipe, fetched: Fetched): Promise<void> {
  for (const { path } of [...fetched.installed, ...fetched.parts]) await stat(path)
  await writeFile(placesOf(recipe).fetched, JSON.stringify(fetched))
}

/** The cache holds one version of each package: kernels, which have it in their name, are one package here. */
async function forgetOlder(folder: string, debs: readonly Deb[]): Promise<void> {
  const keyOf = (file: string): string => file.replace(/_.*_/, '_').replace(/^(linux-[a-z]+)-\d[^_]*/, '$1')
  const current = new Map(debs.map(({ path }) => [keyOf(basename(path)), basename(path)]))
  for (const file of await readdir(folder)) {
    const kept = current.get(keyOf(file))
    if (kept !== undefined && kept !== file) await rm(join(folder, file))
  }
}
