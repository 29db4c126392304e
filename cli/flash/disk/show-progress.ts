/** Shows progress: a bar on a terminal, a line now and then where there is none, a JSON line each for scripts. */
import type { Terminal } from '../../terminal.ts'
import type { FlashPhase } from './progress.ts'
import { createProgressBars } from './progress-bar.ts'
import type { ProgressDisplay } from './progress-display.ts'
import { describeProgress, percentOf, phaseWords } from './progress-words.ts'

/** `bar` goes to stderr, and becomes lines where there is no terminal; `json` goes to stdout: `{"phase":"writing","done":…}`. */
export function showProgress(terminal: Terminal, style: 'bar' | 'json'): ProgressDisplay {
  if (style === 'json')
    return { show: progress => terminal.print(`${JSON.stringify(progress)}\n`), stop: () => undefined }
  return terminal.size() === undefined ? createProgressLines(terminal) : createProgressBars(terminal)
}

const percentStep = 10
/** Of an image that does not say how long it is. */
const bytesStep = 512 * 1024 * 1024

function createProgressLines(terminal: Terminal): ProgressDisplay {
  const shown: { phase?: FlashPhase; step?: number } = {}
  return {
    show(progress) {
      const { phase, done, total } = progress
      const step = Math.floor(total === undefined ? done / bytesStep : percentOf(done, total) / percentStep)
      if (shown.phase === phase && shown.step === step) return
      Object.assign(shown, { phase, step })
      terminal.warn(`${phaseWords[phase].padEnd(9)} ${describeProgress(progress)}\n`)
    },
    stop: () => undefined,
  }
}
