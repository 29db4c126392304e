/** What makes the system ours: the files of firmware-config, the units that start, and what it says of itself. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { version } from '../../contract/version.ts'
import { loadProfile } from '../../firmware-config/load-profile.ts'
import type { RenderedFile } from '../../firmware-config/profile.ts'
import { renderRoot } from '../../firmware-config/render-root.ts'
import { run } from '../run.ts'
import { placesOf, type Recipe, type Stage } from './recipe.ts'

/** Of Debian's packages: these are off in the packages or switched on by scripts of theirs. */
const enabled = [
  'systemd-networkd.service',
  'systemd-resolved.service',
  'systemd-timesyncd.service',
  'containerd.service',
  // Loads the board's base of rules, /etc/nftables.conf of firmware-config.
  'nftables.service',
  // Has a condition: keys from the card.
  'ssh.service',
  'getty@tty1.service',
  // Tells the card once a week what is free: it lasts longer.
  'fstrim.timer',
]
/** The cluster's decide for themselves: the agent starts when it is told to join, the master where it is wanted. */
const leftAlone = /^flotilla-(agent|master)\./
const masked = [
  // For file systems that the initrd mounts and checks.
  'systemd-remount-fs.service',
  // Would make a machine id, passwords and locales at the first start: the initrd and the card do.
  'systemd-firstboot.service',
  'e2scrub_reap.service',
]

export const settings: Stage = {
  name: '50-settings',
  what: 'our settings and units',
  async run(recipe) {
    const { root } = placesOf(recipe)
    const files = renderRoot(recipe.assets, loadProfile(recipe.assets, `generic-${recipe.machine.architecture}`))
    for (const file of files) await writeRendered(root, file)
    const units = unitsToEnable(files)
    await run('systemctl', ['--root', root, 'enable', ...units])
    await run('systemctl', ['--root', root, 'mask', ...masked])
    await run('systemctl', ['--root', root, 'set-default', 'multi-user.target'])
    await describe(recipe, root)
    return `${files.length} files, ${units.length} units`
  },
}

async function writeRendered(root: string, { path, content, mode }: RenderedFile): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), content)
  await chmod(join(root, path), mode)
}

/** Ours with an [Install] section, besides Debian's. */
function unitsToEnable(files: readonly RenderedFile[]): string[] {
  const units = files
    .filter(({ path, content }) => /\/systemd\/system\/[^/@]+\.[a-z]+$/.test(path) && /^\[Install\]$/m.test(content))
    .map(({ path }) => path.slice(path.lastIndexOf('/') + 1))
  return [...enabled, ...units.filter(unit => !leftAlone.test(unit))]
}

/** os-release(5): by VARIANT_ID a board knows that its system is ours. */
async function describe({ epoch }: Recipe, root: string): Promise<void> {
  const path = join(root, 'usr/lib/os-release')
  const text = await readFile(path, 'utf8')
  const day = new Date(epoch * 1000).toISOString().slice(0, 10)
  const own = { VARIANT: 'Flotilla', VARIANT_ID: 'flotilla', IMAGE_ID: 'flotilla', IMAGE_VERSION: `${version}-${day}` }
  await writeFile(
    path,
    `${text}${Object.entries(own)
      .map(([name, value]) => `${name}="${value}"\n`)
      .join('')}`,
  )
  // Empty, not absent: systemd would take an absent one for a first boot and enable everything. The initrd fills it in.
  await writeFile(join(root, 'etc/machine-id'), '')
  // As old as /usr (90-disk): else systemd would look for news and rebuild lists of a system that cannot change (systemd-update-done(8)).
  for (const folder of ['etc', 'var']) await writeFile(join(root, folder, '.updated'), '')
}
