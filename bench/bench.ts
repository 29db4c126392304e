/** `./build.sh bench [name…]`: runs the benchmarks, or those named, one after the other, and prints one table. */
import { renderTable } from '../cli/table.ts'
import type { BenchRow } from './row.ts'

const benches: Record<string, () => Promise<BenchRow[]>> = {
  store: async () => (await import('./store.ts')).benchStore(),
  schedule: async () => (await import('./schedule.ts')).benchSchedule(),
  nft: async () => (await import('./nft.ts')).benchNft(),
  start: async () => (await import('./start.ts')).benchStart(),
  trust: async () => (await import('./trust.ts')).benchTrust(),
  fleet: async () => (await import('./fleet.ts')).benchFleet(),
  pack: async () => (await import('./pack.ts')).benchPack(),
  board: async () => (await import('./board.ts')).benchBoard(),
}

const asked = process.argv.slice(2)
const unknown = asked.filter(name => !(name in benches))
if (unknown.length > 0) {
  process.stderr.write(
    `bench: no benchmark is called ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`,
  )
  process.exitCode = 2
} else {
  const rows: BenchRow[] = []
  for (const name of asked.length > 0 ? asked : Object.keys(benches)) {
    process.stderr.write(`▸ ${name}\n`)
    rows.push(...(await benches[name]!()))
  }
  const lines = rows.map(({ name, value, unit, note = '' }) => [name, formatValue(value), unit, note])
  const { lines: table } = renderTable([['BENCHMARK', 'VALUE', 'UNIT', 'NOTE'], ...lines])
  process.stdout.write(`${table.join('\n')}\n`)
}

function formatValue(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString()
}
