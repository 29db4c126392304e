/** The first start of a stock Raspberry Pi OS that has no cloud-init: a script that systemd runs in place of the usual start. */
import { bootMount, onBoot } from '../contract/card/card-places.ts'
import type { CardSettings } from '../contract/card/card-settings.ts'
import type { Assets } from '../kit/assets.ts'
import type { BoardProfile, RenderedFile } from './profile.ts'
import { countryWords } from './render-cloud-init.ts'
import { renderConnections } from './render-connections.ts'
import { bootFile, readStock, renderInstall } from './render-stock.ts'

const script = `${onBoot.folder}/firstrun.sh`
/** What the script reads, a file for each thing. Deleted by it. */
export const firstRunFolder = `${onBoot.folder}/firstrun`

/** `firstrun.sh`, `install.sh`, and what they read. The kernel's command line needs `firstRunWords` too. */
export function renderFirstRun(assets: Assets, _profile: BoardProfile, settings: CardSettings): RenderedFile[] {
  const { hostname, timezone = 'UTC', sshKeys = [] } = settings
  const texts: Record<string, string | undefined> = {
    hostname,
    timezone,
    authorized_keys: sshKeys.length > 0 ? sshKeys.join('\n') : undefined,
  }
  const files = Object.entries(texts).flatMap(([name, text]) =>
    text === undefined ? [] : [bootFile(`${firstRunFolder}/${name}`, `${text}\n`)],
  )
  const connections = renderConnections(settings).map(({ name, content, secret }) => ({
    ...bootFile(`${firstRunFolder}/${name}`, content),
    ...(secret && { secret }),
  }))
  return [renderInstall(assets), bootFile(script, readStock(assets, 'firstrun.sh')), ...files, ...connections]
}

/**
 * For `amendBoot`: they start the script, which takes them away again. kernel-command-line.target has the basic system up and nothing
 * else; after a success the board restarts as usual. What follows a failure the script decides, which counts them.
 * https://www.freedesktop.org/software/systemd/man/latest/systemd-run-generator.html
 */
export function firstRunWords(settings: CardSettings): string[] {
  return [
    // What is on a FAT may be run, unless it is mounted otherwise.
    `systemd.run=${bootMount}/${script}`,
    'systemd.run_success_action=reboot',
    'systemd.run_failure_action=none',
    'systemd.unit=kernel-command-line.target',
    ...countryWords(settings),
  ]
}
