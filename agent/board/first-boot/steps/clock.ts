/** Waits a little for the right time: joining needs none, but images come over connections that check it. */
import { sleep } from '../../../../kit/clock.ts'
import { plausibleMs } from '../../plausible-time.ts'
import type { BootContext, Step } from '../context.ts'

const patienceMs = 60_000
const lookEveryMs = 2000
const text = 'clock: no time server answers yet, so this board believes that it is long ago. It will join all the same'

export const clockStep: Step = {
  name: 'clock',
  title: 'waiting for the time',
  async run({ clock, tell, signal }: BootContext) {
    const untilMs = clock.monotonic() + patienceMs
    while (clock.now() < plausibleMs && clock.monotonic() < untilMs) {
      await sleep(clock, lookEveryMs, signal)
      if (clock.now() < plausibleMs) await tell({ kind: 'clock', text, isFinal: false })
    }
  },
}
