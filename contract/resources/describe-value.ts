/** What a value is, in the words of whoever wrote the YAML. */
import { quote } from './names.ts'

/** As `describeValue`, for what nobody may read: `plain text`, `a number`, `a list`. */
export function describeSecret(value: unknown): string {
  if (typeof value === 'string') return 'plain text'
  return typeof value === 'number' || typeof value === 'boolean' ? `a ${typeof value}` : describeValue(value)
}

/** `the number 8080`, `the text "yes"`, `a list`, `nothing`. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'string' ? `the text ${quote(value)}` : `the ${typeof value} ${String(value)}`
}
