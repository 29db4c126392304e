/** Looks at a board with all checks, and says whether a node can live on it. */
import { messageOf } from '../../../kit/errors.ts'
import type { BoardView } from './board-view.ts'
import type { Check, Finding } from './check.ts'

export interface Examined extends Finding {
  name: string
}

/** One after the other: a small board has better to do than fifteen things at once. */
export async function examineBoard(view: BoardView, checks: Check[]): Promise<Examined[]> {
  const examined: Examined[] = []
  for (const { name, examine } of checks) examined.push({ name, ...(await examineOne(view, examine)) })
  return examined
}

/** What could not be looked at is no reason to keep a board out. */
async function examineOne(view: BoardView, examine: Check['examine']): Promise<Finding> {
  try {
    return await examine(view)
  } catch (error) {
    return { level: 'warning', found: 'cannot tell', why: messageOf(error) }
  }
}

export function failuresOf(examined: Examined[]): Examined[] {
  return examined.filter(({ level }) => level === 'failure')
}
