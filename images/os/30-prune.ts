/** Takes out what a board never reads: a card's used part is to be small. */
import { globSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../run.ts'
import { placesOf, type Stage } from './recipe.ts'

interface Cut {
  /** Below the root. */
  glob: string
  why: string
  /** Of those, these stay. */
  keep?: RegExp
}

const cuts: Cut[] = [
  // Debian's policy (12.5) and most licences want the copyright files to go with the programs.
  {
    glob: 'usr/share/doc/**/*',
    keep: /\/copyright$|^usr\/share\/doc\/[^/]+$/,
    why: 'nobody reads documents on a board',
  },
  { glob: 'usr/share/{info,lintian,doc-base,linda,menu,bug,reportbug}', why: "authors' and maintainers' tools" },
  { glob: 'usr/share/man/*', keep: /^usr\/share\/man\/man[158]$/, why: 'manuals in other languages' },
  { glob: 'usr/share/man/man*/*', keep: /\/flotilla/, why: 'manuals: but for our own' },
  { glob: 'usr/share/locale/*', why: 'translations' },
  { glob: 'usr/share/i18n', why: 'sources of locales' },
  { glob: 'usr/lib/*/gconv', why: 'encodings of the last century' },
  { glob: 'usr/lib/udev/hwdb.d', why: 'names of hardware, and keys of keyboards: nothing here asks for them' },
  { glob: 'usr/lib/systemd/catalog/*.*.catalog', why: 'explanations of log messages, translated' },
  {
    glob: 'usr/share/{bash-completion,zsh,fish}/**/completions/*',
    keep: /\/_?flotilla/,
    why: 'completions: but for our own',
  },
  { glob: 'usr/share/initramfs-tools', why: 'the initrd is made here, not on the board' },
  {
    glob: 'usr/bin/{containerd-stress,containerd-shim,containerd-shim-runc-v1}',
    why: 'a load generator, and shims of older containerds',
  },
  {
    glob: 'usr/{sbin/*tables*,sbin/nfnl_osf,lib/*/xtables}',
    keep: /sbin\/nft/,
    why: 'the agent writes nftables itself, and its CNI plugin neither masquerades nor maps ports',
  },
  {
    glob: 'usr/lib/cni/*',
    keep: /\/(ptp|host-local|bridge|macvlan|loopback|static)$/,
    why: 'plugins that neither the agent nor a network of `flotilla.dev/v1` names',
  },
  { glob: 'usr/lib/{sysctl,modprobe}.d/README*', why: 'documents' },
  { glob: 'usr/share/perl5/**/*.pod', why: 'documents' },
  { glob: 'usr/share/zoneinfo/{right,posix}', why: 'the same time zones with leap seconds, or again' },
  {
    glob: 'etc/{init.d,rc?.d,sv,runit,cron.d,cron.daily,ifplugd,ufw,network,dhcp,init}',
    why: 'for other ways to start and to configure a system',
  },
  { glob: 'usr/lib/python3*', why: 'helpers in a language that is not there' },
]

export const prune: Stage = {
  name: '30-prune',
  what: 'take out what a board never reads',
  async run(recipe) {
    const { root } = placesOf(recipe)
    const before = await measure(root)
    for (const { glob, keep } of cuts) await cut(root, glob, keep)
    return `${before - (await measure(root))} MiB of ${before} gone`
  },
}

async function cut(root: string, glob: string, keep: RegExp | undefined): Promise<void> {
  const found = globSync(glob, { cwd: root, withFileTypes: false }).filter(path => !keep?.test(path))
  for (const path of found) {
    const isKeptBelow = keep !== undefined && globSync(`${path}/**/*`, { cwd: root }).some(below => keep.test(below))
    if (!isKeptBelow) await rm(join(root, path), { recursive: true, force: true })
  }
}

/** MiB on the disk. */
export async function measure(folder: string): Promise<number> {
  return Number((await run('du', ['--summarize', '--block-size=M', folder])).split('M')[0])
}
