/** The page that `describe` prints: labels on the left, values beside them, sections indented below. */
import { cleanLine, renderTable } from '../table.ts'

/** A value, several (one a line), a section of its own, or a table with its titles first. */
export type Value = string | string[] | Field[] | { rows: string[][] }
export type Field = [label: string, value: Value | undefined]

/** Fields without a value are left out. */
export function renderPage(fields: Field[], indent = 0): string[] {
  const shown = fields.filter(([, value]) => value !== undefined) as Array<[string, Value]>
  const inline = shown.filter(([, value]) => isInline(value)).map(([label]) => label.length)
  const width = Math.max(0, ...inline) + 3
  return shown.flatMap(([label, value]) => renderField({ label, value, width, indent }))
}

function renderField(field: { label: string; value: Value; width: number; indent: number }): string[] {
  const { label, value, width, indent } = field
  const blank = ' '.repeat(indent)
  const head = `${label}:`
  if (isInline(value)) {
    const [first = '<none>', ...more] = (typeof value === 'string' ? [value] : value).flatMap(linesOf)
    const line = `${blank}${head.padEnd(width)}${first}`
    return [line.trimEnd(), ...more.map(text => `${blank}${' '.repeat(width)}${text}`.trimEnd())]
  }
  if (Array.isArray(value)) {
    const inner = renderPage(value, indent + 2)
    return inner.length === 0 ? [`${blank}${head} <none>`] : [`${blank}${head}`, ...inner]
  }
  const { lines } = renderTable(value.rows)
  return [`${blank}${head}`, ...lines.map(line => `${blank}  ${line}`)]
}

/** A script or a file keeps its lines and their indentation; its last line end is none of them. */
function linesOf(text: string): string[] {
  return text
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .map(cleanLine)
}

function isInline(value: Value): value is string | string[] {
  return typeof value === 'string' || (Array.isArray(value) && value.every(item => typeof item === 'string'))
}
