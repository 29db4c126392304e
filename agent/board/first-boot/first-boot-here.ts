/** The first start, wired to this very board: its disk, its programs, its LED and screens, and what firmware-config says of it. */
import { findProfile, loadProfile } from '../../../firmware-config/load-profile.ts'
import type { BoardProfile } from '../../../firmware-config/profile.ts'
import { renderNetwork } from '../../../firmware-config/render-network.ts'
import { renderRoot } from '../../../firmware-config/render-root.ts'
import { type Assets, programAssets } from '../../../kit/assets.ts'
import { systemClock } from '../../../kit/clock.ts'
import { messageOf } from '../../../kit/errors.ts'
import { lanInterfaces } from '../../../kit/lan-interfaces.ts'
import type { Log } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import { boardModel } from '../board-model.ts'
import { systemDisk } from '../disk.ts'
import { isOwnImage } from '../own-image.ts'
import { systemPrograms } from '../run-program.ts'
import { Card } from './card.ts'
import type { BootContext, Renderers } from './context.ts'
import { runFirstBoot } from './first-boot.ts'
import { joiningOf } from './joining.ts'
import { Led } from './led.ts'
import { cardUnreadable, type Problem } from './problem.ts'
import { firstBootSteps } from './steps.ts'
import { Teller } from './teller.ts'

/** Rejects with the signal's reason when it is ended before all is done. */
export async function firstBootHere(signal: AbortSignal, log: Log): Promise<void> {
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
    const profile = profileOf(here, settings.board, assets)
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

/** A board that knows what it is says more than its card, which may have been put into another one since. */
function profileOf(here: BoardProfile, board: string, assets: Assets): BoardProfile {
  if (!here.name.startsWith('generic-')) return here
  try {
    return loadProfile(assets, board)
  } catch (error) {
    throw cardUnreadable(messageOf(error), error)
  }
}
