/** What every stock image gets on its boot partition, whichever way its first start goes. */
import { onBoot } from '../contract/card/card-places.ts'
import type { Assets } from '../kit/assets.ts'
import type { RenderedFile } from './profile.ts'

/** Who logs in, as in our own image. */
export const adminUser = 'admin'

/** `install.sh`, which installs the package that flash puts beside it. */
export function renderInstall(assets: Assets): RenderedFile {
  return bootFile(onBoot.install, readStock(assets, 'install.sh'))
}

export function readStock(assets: Assets, name: string): string {
  return new TextDecoder().decode(assets.read(`firmware-config/common/stock/${name}`))
}

/** Modes mean nothing on a FAT. */
export function bootFile(path: string, content: string): RenderedFile {
  return { place: 'boot', path, content, mode: 0o644 }
}
