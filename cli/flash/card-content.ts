/** What goes onto the boot partition of one card: settings, join line and, on others' images, our package and what installs it. */
import { onBoot } from '../../contract/card/card-places.ts'
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { formatCardSettings } from '../../contract/card/read-card.ts'
import { amendBoot } from '../../firmware-config/amend-boot.ts'
import type { BoardProfile } from '../../firmware-config/profile.ts'
import { cloudInitWords, renderCloudInit } from '../../firmware-config/render-cloud-init.ts'
import { firstRunFolder, firstRunWords, renderFirstRun } from '../../firmware-config/render-first-run.ts'
import type { Assets } from '../../kit/assets.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Fat } from './fat.ts'
import type { ImageKind } from './image-kind.ts'

export interface CardFile {
  /** On the boot partition. */
  path: string
  content: string | Uint8Array
}

export interface CardContentParts {
  assets: Assets
  profile: BoardProfile
  kind: ImageKind
  settings: CardSettings
  /** One line; a master has none. */
  ticket: string | undefined
  /** The Debian package, for images that are not ours. */
  package: Uint8Array | undefined
}

/** Whole files, in the order in which they are written. Pure but for reading the image. */
export function cardContent(parts: CardContentParts, stock: Pick<Fat, 'text'>): CardFile[] {
  const { assets, profile, kind, settings, ticket } = parts
  const { rendered, words } = renderFor(parts)
  const keyIn = rendered.find(({ secret }) => secret)?.path
  const amended = amendBoot(assets, profile, { read: path => stock.text(path), words })
  return [
    ...(parts.package && kind.by !== 'own' ? [{ path: onBoot.package, content: parts.package }] : []),
    ...[...amended, ...rendered]
      .filter(({ place }) => place === 'boot')
      .map(({ path, content }) => ({ path, content })),
    {
      path: onBoot.settings,
      content: formatCardSettings(keyIn === undefined ? settings : withoutKey(settings, keyIn)),
    },
    ...(ticket === undefined ? [] : [{ path: onBoot.join, content: `${ticket}\n` }]),
  ]
}

/** A stock system mounts its boot partition for everybody to read, and its own first start finds the key elsewhere. */
function withoutKey({ wifi, ...settings }: CardSettings, keyIn: string): CardSettings {
  if (wifi?.key === undefined) return { ...settings, ...(wifi && { wifi }) }
  const { ssid, country } = wifi
  return { ...settings, wifi: { ssid, keyIn, country } }
}

function renderFor({ assets, profile, kind, settings }: CardContentParts): {
  rendered: ReturnType<typeof renderFirstRun>
  words: string[]
} {
  if (kind.by === 'cloud-init')
    return { rendered: renderCloudInit(assets, profile, settings), words: cloudInitWords(settings) }
  if (kind.by === 'first-run')
    return { rendered: renderFirstRun(assets, profile, settings), words: firstRunWords(settings) }
  return { rendered: [], words: [] }
}

/** What an earlier flashing left is gone: a card has one owner. Throws `RequestEntityTooLarge` when the partition is too small. */
export function writeContent(fat: Fat, files: CardFile[], { label }: Pick<ImageKind, 'label'>): void {
  // Also the keys of who may log in: the new card may name nobody.
  const settings = (fat.list(firstRunFolder) ?? []).map(({ name }) => `${firstRunFolder}/${name}`)
  for (const path of [onBoot.join, onBoot.status, onBoot.settings, ...settings]) fat.remove(path)
  const wanted = files.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0)
  const free = fat.freeBytes()
  if (wanted > free + replaced(fat, files)) {
    const why = `its boot partition has ${mebibytes(free)} free, and the settings and the package need ${mebibytes(wanted)}`
    throw new CodedError(
      'RequestEntityTooLarge',
      `cannot prepare this image: because ${why}: take an image with a larger one, or our own`,
    )
  }
  if (label !== undefined) fat.setLabel(label)
  for (const { path, content } of files) fat.write(path, typeof content === 'string' ? Buffer.from(content) : content)
}

function replaced(fat: Fat, files: CardFile[]): number {
  return files.reduce((sum, { path }) => sum + (fat.stat(path)?.bytes ?? 0), 0)
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}
