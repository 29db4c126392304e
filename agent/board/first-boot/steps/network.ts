/** Sets the network and the wifi as the card says. */
import { putFile } from '../../disk.ts'
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
      // The radio of a Pi is off until a country is known; without a switch for it there is nothing to turn on.
      await run(['rfkill', 'unblock', 'wifi'])
      await runOrFail(run, ['systemctl', 'enable', wifiUnit])
      await runOrFail(run, ['systemctl', 'restart', '--no-block', wifiUnit])
    }
    // Not waited for: this very unit may be in its way.
    await runOrFail(run, ['systemctl', 'restart', '--no-block', 'systemd-networkd.service'])
  },
}
