/** What a card with a wifi is asked for by: `--wifi SSID` with its passphrase from a file. */
import type { FleetHarness } from '../harness.ts'

export const passphrase = 'correct horse'

export async function wifiWords(fleet: FleetHarness, ssid = 'Home'): Promise<string[]> {
  return ['--wifi', ssid, '--wifi-password-file', await fleet.file('pw', `${passphrase}\n`), '--wifi-country', 'de']
}
