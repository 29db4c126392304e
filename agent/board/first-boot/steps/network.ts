/** Sets the network and the wifi as the card says. */
import { type Disk, putFile } from '../../disk.ts'
import { runOrFail } from '../../run-program.ts'
import type { Step } from '../context.ts'

/** wpa_supplicant's unit of one interface, as Debian ships it. */
const wifiUnit = 'wpa_supplicant@wlan0.service'

export const networkStep: Step = {
  name: 'network',
  title: 'setting the network',
  appliesTo: ({ isOwnImage }) => isOwnImage,
  async run({ disk, run, settings, render }) {
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

/** Some systems leave radios switched off until somebody says where they are, which the card does (kernel: Documentation/driver-api/rfkill.rst). */
async function unblockRadios(disk: Disk): Promise<void> {
  for (const name of await disk.list('/sys/class/rfkill')) {
    const directory = `/sys/class/rfkill/${name}`
    if ((await disk.read(`${directory}/type`))?.trim() === 'wlan') await disk.poke(`${directory}/soft`, '0')
  }
}
