/** The doctor's findings, for people. */
import type { Level } from './check.ts'
import type { Examined } from './doctor.ts'

const marks: Record<Level, string> = { ok: '✔', warning: '!', failure: '✘' }
/** ECMA-48 colours, for a terminal. */
const colours: Record<Level, number> = { ok: 32, warning: 33, failure: 31 }

/** `details`: why and what to do, for all that is not well. */
export function renderReport(examined: Examined[], { isColoured = false } = {}): string {
  const width = Math.max(0, ...examined.map(({ name }) => name.length))
  const paint = (level: Level, text: string): string =>
    isColoured ? `\u001b[${colours[level]}m${text}\u001b[0m` : text
  const indent = ' '.repeat(width + 4)
  const lines = examined.flatMap(({ name, level, found, why, fix }) => [
    `${paint(level, marks[level])} ${name.padEnd(width)}  ${found}`,
    ...(level === 'ok' || why === undefined ? [] : [`${indent}why: ${why}`]),
    ...(level === 'ok' || fix === undefined ? [] : [`${indent}fix: ${fix}`]),
  ])
  return `${lines.join('\n')}\n`
}

export function renderSummary(examined: Examined[]): string {
  const count = (level: Level): number => examined.filter(finding => finding.level === level).length
  const [failures, warnings] = [count('failure'), count('warning')]
  if (failures > 0) return `A node cannot live here yet: ${failures} of ${examined.length} must be mended.\n`
  const rest = warnings === 0 ? '' : ` ${warnings} could be better.`
  return `A node can live here.${rest}\n`
}
