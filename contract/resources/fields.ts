/** Changes deep inside of JSON objects that leave the originals as they are. */

export type Fields = Record<string, unknown>

/** The given fields over the defaults. Kubernetes takes an empty text for an absent field, and so do we. */
export function fill(given: Fields, defaults: Fields): Fields {
  const missing = Object.entries(defaults).filter(([name]) => given[name] === undefined || given[name] === '')
  return missing.length === 0 ? given : { ...given, ...Object.fromEntries(missing) }
}

/** With one field changed, if it is there. */
export function changeField(fields: Fields, name: string, change: (value: Fields) => Fields): Fields {
  const value = fields[name]
  return isFields(value) ? { ...fields, [name]: change(value) } : fields
}

/** With each item of a list changed, if the list is there. */
export function changeItems(fields: Fields, name: string, change: (item: Fields) => Fields): Fields {
  const list = fields[name]
  return Array.isArray(list) ? { ...fields, [name]: list.map(item => (isFields(item) ? change(item) : item)) } : fields
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
