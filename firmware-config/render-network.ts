/** The network of our own image: systemd-networkd's files, and wpa_supplicant's when the card names a wifi. */
import type { CardSettings } from '../contract/card/card-settings.ts'
import type { RenderedFile } from './profile.ts'

export function renderNetwork(_settings: CardSettings): RenderedFile[] {
  return []
}
