/** Boards with real headroom first: what is scarcer on the board, CPU or memory as measured, decides. */
import { neutralScore, type Score, scoreOf } from './score.ts'

export const load: Score = (_candidate, { usage }) =>
  usage ? scoreOf(1 - Math.max(usage.cpuShare, usage.memoryShare)) : neutralScore
