/** JSON merge patch, RFC 7386: the patch looks like the object, and null removes. */

type Json = unknown

/** A new value; neither argument is changed. */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isMap(patch)) return patch
  const merged: Record<string, Json> = isMap(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = applyMergePatch(merged[key], value)
  }
  return merged
}

export function isMap(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
