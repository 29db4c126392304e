/** Ages and time spans as kubectl prints and reads them. */
import { UsageError } from './usage-error.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** The rules of apimachinery `duration.HumanDuration`: two units while the larger one is small. */
export function formatDuration(ms: number): string {
  const count = (unit: number): number => Math.floor(ms / unit)
  // Two machines' clocks may be a second apart; more is a clock that is wrong.
  if (ms <= -2 * second) return '<invalid>'
  if (ms < 0) return '0s'
  if (ms < 2 * minute) return `${count(second)}s`
  if (ms < 10 * minute) return twoUnits([count(minute), 'm'], [count(second) % 60, 's'])
  if (ms < 3 * hour) return `${count(minute)}m`
  if (ms < 8 * hour) return twoUnits([count(hour), 'h'], [count(minute) % 60, 'm'])
  if (ms < 2 * day) return `${count(hour)}h`
  if (ms < 8 * day) return twoUnits([count(day), 'd'], [count(hour) % 24, 'h'])
  if (ms < 2 * 365 * day) return `${count(day)}d`
  if (ms < 8 * 365 * day) return twoUnits([Math.floor(count(day) / 365), 'y'], [count(day) % 365, 'd'])
  return `${Math.floor(count(day) / 365)}y`
}

/** The age of an RFC 3339 time; `<unknown>` when there is none. */
export function formatAge(timestamp: string | null | undefined, nowMs: number): string {
  const then = timestamp ? Date.parse(timestamp) : Number.NaN
  return Number.isNaN(then) ? '<unknown>' : formatDuration(nowMs - then)
}

const unitsMs: Record<string, number> = { ms: 1, s: second, m: minute, h: hour, d: day }

/** Go's notation, as kubectl's flags take it, and days: `90s`, `1h30m`, `30d`, `0`. Throws UsageError, naming `what`. */
export function parseDuration(text: string, what?: string): number {
  if (text === '0') return 0
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (parts.length === 0 || parts.map(part => part[0]).join('') !== text)
    throw new UsageError(
      `${what === undefined ? '' : `${what}: `}cannot read ${JSON.stringify(text)} as a time span: write 30s, 5m, 1h30m or 7d`,
    )
  return parts.reduce((sum, [, number, unit = 's']) => sum + Number(number) * (unitsMs[unit] ?? 0), 0)
}

/** Whole seconds, as requests carry spans. */
export function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / 1000)
}

function twoUnits(large: [number, string], small: [number, string]): string {
  return small[0] === 0 ? large.join('') : [...large, ...small].join('')
}
