/** What a check of the doctor is: it looks at a board, says what it found, why that matters, and what to do. */
import type { BoardView } from './board-view.ts'

export type Level = 'ok' | 'warning' | 'failure'

export interface Finding {
  level: Level
  found: string
  /** Unless all is well. */
  why?: string
  /** For a person: a command, or a file and what to write there. */
  fix?: string
  /** For `--fix`: safe on a machine that its owner uses for other things as well. */
  repairs?: Repair[]
}

export type Repair =
  | { do: 'write'; path: string; content: string; mode: number }
  | { do: 'run'; argv: string[] }
  /** The kernel or the firmware reads it at the next start. */
  | { do: 'restart' }

export interface Check {
  /** Of what: `memory limits`. */
  name: string
  examine(view: BoardView): Promise<Finding>
}

/** What is observed is told apart from what it means: `judge` is pure. */
export function defineCheck<Facts>(
  name: string,
  observe: (view: BoardView) => Promise<Facts>,
  judge: (facts: Facts) => Finding,
): Check {
  return { name, examine: async view => judge(await observe(view)) }
}

export const ok = (found: string): Finding => ({ level: 'ok', found })
