/** Power cuts in a card's first start, one after the other at the points where most is under way, on a card that forgets what was not flushed. */
import { sleep, systemClock } from '../../kit/clock.ts'
import { type Random, seededRandom } from '../../kit/random.ts'
import type { Rig, Step } from './rig.ts'

interface CutPoint {
  name: string
  /** What the console says just before. */
  after: RegExp
}

export const cutPoints: CutPoint[] = [
  { name: 'growing', after: /flotilla: first start: using the whole card/ },
  { name: 'formatting', after: /flotilla: making a file system/ },
  { name: 'images', after: /flotilla: step .*: importing container images/ },
  { name: 'joining', after: /flotilla: step .*: joining the cluster/ },
  // Then the join line goes from the card, within the spread.
  { name: 'ending', after: /flotilla: step .*: starting the agent/ },
]

/** The cut comes at some moment within this after the point. */
const spreadMs = 1500
const pollMs = 50

/** `names`: of `cutPoints`, in their order. */
export function cutFirstStart(names: string[], seed: number): Step {
  const random = seededRandom(seed)
  return {
    title: `cut ${names.length} times in its first start: ${names.join(', ')} (seed ${seed})`,
    async run(rig) {
      for (const point of cutPoints.filter(({ name }) => names.includes(name))) await cutAt(rig, point, random)
    },
  }
}

/** A chance cut may come so late that the next point is behind it already: then the board is on its way, and is cut there. */
async function cutAt(rig: Rig, { name, after }: CutPoint, random: Random): Promise<void> {
  const logged = rig.kind.hardware.card === 'virtio'
  await (logged ? rig.powerOnLogged(`cut at ${name}`) : rig.powerOn(`cut at ${name}`))
  const deadline = systemClock.monotonic() + rig.patienceMs
  const isPast = /flotilla: done: this board is node|flotilla-agent.service - /
  while (!after.test(rig.machine.console.text())) {
    if (isPast.test(rig.machine.console.text())) break
    if (systemClock.monotonic() > deadline) throw new Error(`the console did not come to the point ${name}`)
    await sleep(systemClock, pollMs, rig.machine.gone)
  }
  const delayMs = random.number() * spreadMs * rig.kind.slowness
  await sleep(systemClock, delayMs, rig.machine.gone)
  const lost = logged ? await rig.cutForgetting(() => random.number() < 0.5) : await rig.cut()
  rig.say(`cut ${(delayMs / 1000).toFixed(1)} s after the point ${name}${lost === undefined ? '' : `: ${lost}`}`)
}
