/** The first start of a board: does the steps that are left, tries again for ever what fails, and remembers how far it came. */
import { createHash } from 'node:crypto'
import { type BackoffOptions, backoffMs } from '../../../kit/backoff.ts'
import { type Clock, rfc3339, sleep } from '../../../kit/clock.ts'
import type { Log } from '../../../kit/log.ts'
import type { Random } from '../../../kit/random.ts'
import type { Disk } from '../disk.ts'
import type { BootContext, Step } from './context.ts'
import { type Problem, problemOf } from './problem.ts'
import { type Progress, readProgress, writeProgress } from './progress.ts'
import type { Teller } from './teller.ts'

export interface FirstBootParts {
  disk: Disk
  steps: Step[]
  teller: Teller
  /** Reads the card. Rejects with a problem. */
  prepare: () => Promise<BootContext>
  clock: Clock
  random: Random
  log: Log
  signal: AbortSignal
}

/** A network, a master or containerd may come up a little later. */
const passingMs: BackoffOptions = { minMs: 2000, maxMs: 60_000, jitter: 0.3 }
/** A person must do something first, here or where the master is. */
const finalMs: BackoffOptions = { minMs: 60_000, maxMs: 5 * 60_000, jitter: 0.3 }

/** Resolves when all is done, to whether there was anything to do. Rejects with the signal's reason. */
export async function runFirstBoot(parts: FirstBootParts): Promise<boolean> {
  const { disk, steps, teller, clock } = parts
  const progress = await readProgress(disk)
  if (progress.finished !== undefined) return false
  await teller.step('starting', 'reading the card')
  const context = await insist(parts, 'reading the card', parts.prepare)
  // Corrected since, a wrong wifi for example: what was done by the old settings is done again.
  const card = createHash('sha256').update(JSON.stringify(context.settings)).digest('hex')
  if (progress.card !== undefined && progress.card !== card) progress.done = []
  progress.card = card
  const wanted = steps.filter(({ appliesTo }) => appliesTo?.(context) ?? true)
  for (const [index, step] of wanted.entries()) {
    if (progress.done.includes(step.name)) continue
    const where = `step ${index + 1} of ${wanted.length}`
    await teller.step(where, step.title)
    await insist(parts, `${where}, ${step.title}`, async () => {
      await step.run(context)
      await remember(disk, progress, step)
    })
  }
  const finished = rfc3339(clock.now())
  // Told first: after the other, nobody would come to tell it.
  await teller.done(`done: this board is node ${context.settings.hostname}`)
  await insist(parts, 'the end', () => writeProgress(disk, { ...progress, finished }))
  return true
}

async function remember(disk: Disk, progress: Progress, step: Step): Promise<void> {
  await writeProgress(disk, { ...progress, done: [...progress.done, step.name] })
  progress.done.push(step.name)
}

/** Until it succeeds, or the signal ends it. */
async function insist<T>(parts: FirstBootParts, where: string, attempt: () => Promise<T>): Promise<T> {
  const { teller, clock, random, log, signal } = parts
  for (let tries = 0; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      const problem: Problem = problemOf(error)
      await teller.problem(where, problem)
      log.warn('the first start waits', { where, problem: problem.kind, error })
      const delays = problem.isFinal ? finalMs : passingMs
      await sleep(clock, backoffMs(tries, { ...delays, random: () => random.number() }), signal)
    }
  }
}
