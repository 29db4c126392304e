/** What `flotilla join` does first: looks whether a node can live on this board, and mends what it may. */
import type { Disk } from './board/disk.ts'
import type { BoardView } from './board/doctor/board-view.ts'
import { allChecks } from './board/doctor/checks.ts'
import { type Examined, examineBoard, failuresOf } from './board/doctor/doctor.ts'
import { renderReport } from './board/doctor/render-report.ts'
import { applyRepairs, describeRepair, repairsOf } from './board/doctor/repair.ts'

export interface PrepareParts {
  view: BoardView
  disk: Disk
  /** Mend without asking. */
  prepare: boolean
  /** Absent: there is nobody to ask. */
  ask: ((question: string) => Promise<boolean>) | undefined
  say: (line: string) => void
}

/** Resolves to whether a node can live here. All is told by `say`. */
export async function prepareBoard(parts: PrepareParts): Promise<boolean> {
  const { view, say } = parts
  const before = await examineBoard(view, allChecks)
  const after = (await mend(before, parts)) ? await examineBoard(view, allChecks) : before
  const open = after.filter(({ level }) => level !== 'ok')
  if (open.length > 0) say(renderReport(open).trimEnd())
  const failures = failuresOf(after)
  if (failures.length === 0) return true
  const names = failures.map(({ name }) => name).join(', ')
  say(
    `flotilla: cannot join yet: because no node can live on this board: ${names}. See the fixes above, --prepare, or --skip-checks`,
  )
  return false
}

async function mend(examined: Examined[], { view, disk, prepare, ask, say }: PrepareParts): Promise<boolean> {
  const repairs = repairsOf(examined)
  if (repairs.length === 0 || !view.isRoot) return false
  if (!prepare) {
    if (!ask) return false
    say('This board could be set up better for a node:')
    for (const repair of repairs) say(`  ${describeRepair(repair)}`)
    if (!(await ask('Do it now?'))) return false
  }
  await applyRepairs(repairs, { disk, run: view.run, say })
  return true
}
