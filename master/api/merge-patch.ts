/** JSON merge patch, RFC 7386: the patch looks like the object, and null removes. */

type Json = unknown

/** A new value; neither argument is changed. */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isMap(patch)) return patch
  // Not an object yet: to set its `__proto__` would give it fields that nobody sees, and that checks would believe.
  const merged = new Map(isMap(target) ? Object.entries(target) : [])
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, applyMergePatch(merged.get(key), value))
  }
  return Object.fromEntries(merged)
}

export function isMap(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
