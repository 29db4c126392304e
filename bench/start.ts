/** How long the CLI takes to start: the whole process, from exec to exit. */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { medianOf } from './median.ts'
import type { BenchRow } from './row.ts'

const dist = resolve(import.meta.dirname, '../dist')
const runs = 15

export async function benchStart(): Promise<BenchRow[]> {
  const bare = timeOf([`${dist}/node`, '-e', '0'])
  const version = timeOf([`${dist}/flotilla`, '--help'])
  return [
    { name: 'start of Node alone', value: bare, unit: 'ms' },
    { name: 'flotilla --help', value: version, unit: 'ms', note: `${(version / bare).toFixed(1)} × Node alone` },
  ]
}

/** Median of whole processes, ms. */
export function timeOf(argv: string[], env: NodeJS.ProcessEnv = process.env): number {
  const times = Array.from({ length: runs }, () => {
    const beganMs = performance.now()
    const { status } = spawnSync(argv[0]!, argv.slice(1), { stdio: 'ignore', env })
    if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}`)
    return performance.now() - beganMs
  })
  return medianOf(times)
}
