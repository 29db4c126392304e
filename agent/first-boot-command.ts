/** `flotilla first-boot`: makes a board that starts from a flashed card the node that the card names. Started by its unit, not by people. */
import { findProfile, loadProfile } from '../firmware-config/load-profile.ts'
import type { BoardProfile } from '../firmware-config/profile.ts'
import { renderNetwork } from '../firmware-config/render-network.ts'
import { renderRoot } from '../firmware-config/render-root.ts'
import { programAssets } from '../kit/assets.ts'
import { systemClock } from '../kit/clock.ts'
import type { Command } from '../kit/command-line.ts'
import { lanInterfaces } from '../kit/lan-interfaces.ts'
import { createLog, type Log } from '../kit/log.ts'
import { untilSignalled } from '../kit/process.ts'
import { systemRandom } from '../kit/random.ts'
import { boardModel } from './board/board-model.ts'
import { systemDisk } from './board/disk.ts'
import { Card } from './board/first-boot/card.ts'
import type { BootContext, Renderers } from './board/first-boot/context.ts'
import { runFirstBoot } from './board/first-boot/first-boot.ts'
import { joiningOf } from './board/first-boot/joining.ts'
import { Led } from './board/first-boot/led.ts'
import type { Problem } from './board/first-boot/problem.ts'
import { firstBootSteps } from './board/first-boot/steps.ts'
import { Teller } from './board/first-boot/teller.ts'
import { isOwnImage } from './board/own-image.ts'
import { systemPrograms } from './board/run-program.ts'

export const firstBootCommand: Command = {
  name: 'first-boot',
  summary: 'What a board does when it starts from a flashed card for the first time',
  hidden: true,
  examples: ['$ systemctl status flotilla-first-boot    how far it is; also on the screen and in flotilla/status.txt'],
  async run() {
    const ending = new AbortController()
    const signalled = untilSignalled().then(signal => ending.abort(new Error(`ended by ${signal}`)))
    const log = createLog()
    try {
      await Promise.race([firstBoot(ending.signal, log), signalled])
    } catch (error) {
      if (!ending.signal.aborted) throw error
    }
    // What is left is done at the next start.
    return ending.signal.aborted ? 1 : 0
  },
}

async function firstBoot(signal: AbortSignal, log: Log): Promise<void> {
  const [clock, random] = [systemClock, systemRandom]
  const [disk, run, assets] = [systemDisk(), systemPrograms(clock), programAssets()]
  const card = new Card(disk, run)
  const here = findProfile(assets, await boardModel(disk), process.arch)
  const led = new Led({ disk, clock, names: here.leds ?? [] })
  const teller = new Teller({ disk, card, led, log })
  const say = (line: string): void => void teller.say(line)
  const render: Renderers = {
    network: renderNetwork,
    boardFiles: profile => renderRoot(assets, profile, 'board'),
  }
  const prepare = async (): Promise<BootContext> => {
    const settings = await card.settings()
    // The card may have been put into another board since.
    const profile: BoardProfile = here.name.startsWith('generic-') ? loadProfile(assets, settings.board) : here
    const joining = joiningOf({ run, clock, random, log, onProgress: say })
    const ownAddresses = (): string[] => lanInterfaces().map(({ address }) => address)
    const tell = (problem: Problem): Promise<void> => teller.problem('waiting for the time', problem)
    const system = { isOwnImage: await isOwnImage(disk), ownAddresses }
    return { disk, run, clock, card, settings, profile, render, joining, signal, say, tell, ...system }
  }
  await runFirstBoot({ disk, steps: firstBootSteps, teller, prepare, clock, random, log, signal }).finally(() =>
    led.stop(),
  )
}
