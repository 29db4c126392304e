/** Sets the network and the wifi as the card says. */
import type { Wifi } from '../../../../contract/card/card-settings.ts'
import { wifiFiles, wifiInterface } from '../../../../firmware-config/render-network.ts'
import { type Disk, isThere, putFile, removeFile } from '../../disk.ts'
import { runOrFail } from '../../run-program.ts'
import type { BootContext, Step } from '../context.ts'
import { cardUnreadable } from '../problem.ts'

/** wpa_supplicant's unit of one interface, as Debian ships it. */
const wifiUnit = `wpa_supplicant@${wifiInterface}.service`

export const networkStep: Step = {
  name: 'network',
  title: 'setting the network',
  appliesTo: ({ isOwnImage }) => isOwnImage,
  async run({ disk, run, settings, render }) {
    if (settings.wifi) refuseWithoutKey(settings.wifi)
    else await forgetWifi(disk, run)
    for (const { path, content, mode } of render.network(settings)) await putFile(disk, path, { content, mode })
    if (settings.wifi) {
      await unblockRadios(disk)
      await runOrFail(run, ['systemctl', 'enable', wifiUnit])
      await runOrFail(run, ['systemctl', 'restart', '--no-block', wifiUnit])
    }
    // Not waited for: this very unit may be in its way.
    await runOrFail(run, ['systemctl', 'restart', '--no-block', 'systemd-networkd.service'])
  },
}

/** Only a stock image's own first start reads the file that such a card names. Without its key, the wifi would be taken for an open one. */
function refuseWithoutKey({ ssid, key, keyIn }: Wifi): void {
  if (key !== undefined || keyIn === undefined) return
  const why = `this card was written for another system, which finds it in ${keyIn}`
  throw cardUnreadable(`the key of the wifi "${ssid}" is missing: ${why}. Flash the card again, for this image`)
}

/** Of a card that was corrected. The unit first: if power goes, the files are still there to say that something is left to do. */
async function forgetWifi(disk: Disk, run: BootContext['run']): Promise<void> {
  const paths = Object.values(wifiFiles)
  const left = await Promise.all(paths.map(path => isThere(disk, path)))
  if (!left.includes(true)) return
  await runOrFail(run, ['systemctl', 'disable', '--now', '--no-block', wifiUnit])
  for (const path of paths) await removeFile(disk, path)
}

/** Some systems leave radios switched off until somebody says where they are, which the card does (kernel: Documentation/driver-api/rfkill.rst). */
async function unblockRadios(disk: Disk): Promise<void> {
  for (const name of await disk.list('/sys/class/rfkill')) {
    const directory = `/sys/class/rfkill/${name}`
    if ((await disk.read(`${directory}/type`))?.trim() === 'wlan') await disk.poke(`${directory}/soft`, '0')
  }
}
