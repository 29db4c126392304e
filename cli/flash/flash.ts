/** `flotilla flash`: from a command line to a card that a board starts and joins from. */
import type { Input } from '../../kit/command-line.ts'
import { CodedError } from '../../kit/errors.ts'
import type { Fleet, RunCommand } from '../fleet.ts'
import { readOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { askLine, canAsk, Interrupted } from './ask.ts'
import {
  assertPlausible,
  type ChoiceParts,
  type ChosenTarget,
  chooseTarget,
  systemDrives,
  targetsFor,
} from './choose-target.ts'
import { deviceOf } from './disk/image-place.ts'
import { showProgress } from './disk/show-progress.ts'
import { showDryRun } from './dry-run.ts'
import { flashCards } from './flash-cards.ts'
import { inspectCard } from './inspect.ts'
import { type Preparation, prepare } from './prepare.ts'
import { planLines, printable } from './tell.ts'
import { openDoor } from './way-in.ts'
import { readWish } from './wish.ts'

/** As shells have it: 128 and SIGINT. */
const interruptedStatus = 130

export const runFlash: RunCommand = async (input, fleet) => {
  const { terminal } = fleet
  const options = readOptions(input)
  const inspected = options.text('inspect')
  const wish = inspected === undefined ? readWish(input) : undefined
  // From here on Ctrl-C has its time: to take back what was made, and to say what state the card is in.
  const release = terminal.catchSignals()
  try {
    return wish ? await flash(input, fleet, wish) : await inspectCard(inspected ?? '', input, fleet)
  } catch (caught) {
    // What waits for a signal rejects with the signal's own reason.
    const error = terminal.hungUp.aborted && !(caught instanceof CodedError) ? new Interrupted() : caught
    if (!(error instanceof CodedError) || error instanceof UsageError) throw error
    if (options.flag('json'))
      terminal.print(`${JSON.stringify({ phase: 'failed', code: error.code, message: error.message })}\n`)
    // Told here: most of what goes wrong does so on this machine, and not at the server.
    terminal.warn(`error: ${printable(error.message)}\n`)
    return error instanceof Interrupted || terminal.hungUp.aborted ? interruptedStatus : 1
  } finally {
    // Last: it may end this process.
    release()
  }
}

async function flash(input: Input, fleet: Fleet, wish: ReturnType<typeof readWish>): Promise<number> {
  const { terminal } = fleet
  const display = showProgress(terminal, wish.json ? 'json' : 'bar')
  try {
    if (!wish.dryRun) await assertPlausible(wish.target, { terminal, drives: systemDrives })
    const preparation = await prepare(wish, terminal, display).finally(() => display.stop())
    try {
      if (wish.dryRun) return await showDryRun(preparation, terminal)
      const withDoor = await openDoor(preparation, input, fleet)
      return await withDoor(async door => {
        const choice = await choiceOf(preparation, terminal)
        const targets = await targetsFor(await chooseTarget(wish.target, choice), wish.count)
        if (!(await confirmPlan(preparation, { targets, joins: door.joins, terminal }))) return 1
        return flashCards({ preparation, door, targets, terminal, display, choice })
      })
    } finally {
      await preparation.image.close()
    }
  } finally {
    display.stop()
  }
}

async function choiceOf({ image, wish }: Preparation, terminal: Terminal): Promise<ChoiceParts> {
  const facts = { sizeBytes: image.leastBytes, device: await deviceOf(image.source.path) }
  return { terminal, drives: systemDrives, image: facts, force: wish.force }
}

interface PlanToConfirm {
  targets: ChosenTarget[]
  /** `cluster home at …`. */
  joins: string
  terminal: Terminal
}

async function confirmPlan(preparation: Preparation, { targets, joins, terminal }: PlanToConfirm): Promise<boolean> {
  terminal.warn(`${planLines(preparation, targets, joins).join('\n')}\n`)
  const losing = targets.filter(target => target.kind === 'drive' || target.exists)
  if (preparation.wish.yes || losing.length === 0) return true
  const question = `All that is in ${[...new Set(losing.map(({ path }) => path))].join(', ')} will be gone.`
  if (!canAsk(terminal)) throw new UsageError(`${question} Nobody is here to say so: use --yes`)
  if (/^y(es)?$/i.test(await askLine(`${question} Go on? [y/N] `, terminal))) return true
  terminal.warn('Nothing was written.\n')
  return false
}
