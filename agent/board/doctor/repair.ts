/** What `doctor --fix` does: shown first, then done one after the other. */
import { dirname } from 'node:path'
import { messageOf } from '../../../kit/errors.ts'
import { type Disk, putFile } from '../disk.ts'
import { takeSettings } from '../first-boot/steps/settings.ts'
import { type RunProgram, runOrFail } from '../run-program.ts'
import type { Repair } from './check.ts'
import type { Examined } from './doctor.ts'

export interface RepairParts {
  disk: Disk
  run: RunProgram
  say: (line: string) => void
}

/** Packages come over the network. */
const deadlineMs = 10 * 60_000

/** Of all findings; what two of them want is done once. */
export function repairsOf(examined: Examined[]): Repair[] {
  const all = examined.flatMap(({ repairs = [] }) => repairs)
  const each = [...new Map(all.map(repair => [JSON.stringify(repair), repair])).values()]
  return [...each.filter(({ do: what }) => what !== 'restart'), ...each.filter(({ do: what }) => what === 'restart')]
}

export function describeRepair(repair: Repair): string {
  switch (repair.do) {
    case 'write':
      return `write ${repair.path}`
    case 'run':
      return `run   ${repair.argv.join(' ')}`
    case 'restart':
      return 'then restart this board: the boot settings count from its next start'
  }
}

/** Goes on after one that failed. Resolves to how many did. */
export async function applyRepairs(repairs: Repair[], { disk, run, say }: RepairParts): Promise<number> {
  const written: string[] = []
  let failures = 0
  for (const repair of repairs) {
    try {
      if (repair.do === 'run') await runOrFail(run, repair.argv, { deadlineMs })
      if (repair.do === 'write' && (await write(disk, repair))) written.push(repair.path)
      say(`✔ ${describeRepair(repair)}`)
    } catch (error) {
      failures++
      say(`✘ ${describeRepair(repair)}: ${messageOf(error)}`)
    }
  }
  if (written.some(path => path.startsWith('/etc/') || path.startsWith('/usr/'))) await takeSettings(run, written)
  return failures
}

/** A FAT knows no modes. */
function write(disk: Disk, { path, content, mode }: Extract<Repair, { do: 'write' }>): Promise<boolean> {
  const isOnBoot = dirname(path).startsWith('/boot')
  return putFile(disk, path, isOnBoot ? { content } : { content, mode })
}
