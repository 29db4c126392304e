/** Where progress is shown. */
import type { OnProgress } from './progress.ts'

export interface ProgressDisplay {
  show: OnProgress
  /** Leaves the cursor on a line of its own. */
  stop(): void
}
