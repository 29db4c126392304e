/** What cloud-init of a stock image reads at its first start, on the boot partition. */
import type { CardSettings } from '../contract/card/card-settings.ts'
import type { Assets } from '../kit/assets.ts'
import type { BoardProfile, RenderedFile } from './profile.ts'

/** user-data, network-config, meta-data, and `install.sh`. The kernel's command line needs `cloudInitWords` too. */
export function renderCloudInit(_assets: Assets, _profile: BoardProfile, _settings: CardSettings): RenderedFile[] {
  return []
}

/** For `amendBoot`: that these settings are new, whatever the image has been used for. */
export function cloudInitWords(_settings: CardSettings): string[] {
  return []
}
