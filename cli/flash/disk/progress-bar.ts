/** A bar that moves on a terminal. */
import { Writable } from 'node:stream'
import { SingleBar } from 'cli-progress'
import type { Terminal } from '../../terminal.ts'
import type { FlashPhase, FlashProgress } from './progress.ts'
import type { ProgressDisplay } from './progress-display.ts'
import { describeProgress, phaseWords } from './progress-words.ts'

/** A bar for each phase, one below the other. */
export function createProgressBars(terminal: Terminal): ProgressDisplay {
  let shown: { phase: FlashPhase; bar: SingleBar } | undefined
  const stop = (): void => {
    shown?.bar.stop()
    shown = undefined
  }
  return {
    show(progress) {
      if (shown?.phase !== progress.phase) {
        stop()
        shown = { phase: progress.phase, bar: createBar(terminal) }
        shown.bar.start(progress.total ?? 0, 0, { progress })
      }
      shown.bar.update(progress.done, { progress })
    },
    stop,
  }
}

const barWidth = 30

function createBar(terminal: Terminal): SingleBar {
  return new SingleBar({
    stream: terminalStream(terminal),
    // Ctrl-C is ours: the card is told about as well.
    gracefulExit: false,
    hideCursor: true,
    format: (_options, _params, { progress }: { progress: FlashProgress }) => renderLine(progress),
  })
}

function renderLine(progress: FlashProgress): string {
  const word = phaseWords[progress.phase].padEnd(9)
  if (progress.total === undefined) return `${word} ${describeProgress(progress)}`
  const full = progress.total === 0 ? barWidth : Math.floor((progress.done / progress.total) * barWidth)
  return `${word} ${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${describeProgress(progress)}`
}

/** What the library asks a terminal for, on ours. */
function terminalStream(terminal: Terminal): NodeJS.WritableStream {
  const stream = new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      terminal.warn(String(text))
      done()
    },
  })
  return Object.assign(stream, { isTTY: true, columns: terminal.size()?.columns ?? 80 })
}
