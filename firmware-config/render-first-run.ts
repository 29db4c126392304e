/** The first start of a stock Raspberry Pi OS that has no cloud-init: a script that systemd runs in place of the usual start. */
import type { CardSettings } from '../contract/card/card-settings.ts'
import type { Assets } from '../kit/assets.ts'
import type { BoardProfile, RenderedFile } from './profile.ts'

/** `firstrun.sh`, `install.sh`, and what they read. The kernel's command line needs `firstRunWords` too. */
export function renderFirstRun(_assets: Assets, _profile: BoardProfile, _settings: CardSettings): RenderedFile[] {
  return []
}

/** For `amendBoot`: they start the script, and it takes them away again. */
export function firstRunWords(_settings: CardSettings): string[] {
  return []
}
