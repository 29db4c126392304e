/** Compares two values as JSON would write them: order of fields and fields that are undefined make no difference. */

export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = definedEntries(a)
  const right = new Map(definedEntries(b))
  return (
    left.length === right.size && left.every(([name, value]) => right.has(name) && sameJson(value, right.get(name)))
  )
}

function definedEntries(value: object): Array<[string, unknown]> {
  return Object.entries(value).filter(([, field]) => field !== undefined)
}
