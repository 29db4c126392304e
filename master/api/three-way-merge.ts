/**
 * Merges a manifest into a live object as `kubectl apply` does: what the manifest says is set, what the last manifest said
 * and this one does not is removed, and what others have set stays.
 */
import { isDeepStrictEqual } from 'node:util'
import { findMergeKeys, isSet, mergeKeyOf, retainsKeys } from './merge-keys.ts'
import { isMap } from './merge-patch.ts'

type Json = unknown
type JsonMap = Record<string, Json>

export interface ThreeWay<T> {
  /** The manifest that was applied before; undefined when the object was made in another way. */
  last: T | undefined
  live: T
  wanted: T
}

/** A new object; the arguments are not changed. */
export function mergeThreeWays<T extends object>(sides: ThreeWay<T>): T {
  return mergeMaps('', sides as unknown as ThreeWay<JsonMap>) as T
}

function mergeValues(path: string, { last, live, wanted }: ThreeWay<Json>): Json {
  if (isMap(wanted) && isMap(live)) return mergeMaps(path, { last: isMap(last) ? last : undefined, live, wanted })
  if (Array.isArray(wanted) && Array.isArray(live))
    return mergeLists(path, { last: Array.isArray(last) ? last : undefined, live, wanted })
  return wanted
}

function mergeMaps(path: string, { last, live, wanted }: ThreeWay<JsonMap>): JsonMap {
  // By own fields alone, whatever they are called: `constructor` is in every object, and `__proto__` is more than a field.
  const foreign = Object.entries(live).filter(([key]) => {
    // Removed from the manifest since it was last applied: it was ours, so it goes.
    return !Object.hasOwn(wanted, key) && !(last && Object.hasOwn(last, key))
  })
  const merged = Object.entries(wanted)
    // Null in a manifest says: not set.
    .filter(([, value]) => value !== null)
    .map(([key, value]): [string, Json] => {
      const at = path === '' ? key : `${path}.${key}`
      const sides = { last: ownField(last, key), live: ownField(live, key), wanted: value }
      return [key, Object.hasOwn(live, key) ? mergeValues(at, sides) : value]
    })
  const changed = merged.some(([key, value]) => !isDeepStrictEqual(value, ownField(live, key)))
  return Object.fromEntries(changed && retainsKeys(path) ? merged : [...foreign, ...merged])
}

function ownField(map: JsonMap | undefined, key: string): Json {
  return map && Object.hasOwn(map, key) ? map[key] : undefined
}

function mergeLists(path: string, sides: ThreeWay<Json[]>): Json[] {
  if (isSet(path)) return mergeSets(sides)
  const keys = findMergeKeys(path)
  if (!keys) return sides.wanted
  const wanted = indexItems(sides.wanted, keys)
  const live = indexItems(sides.live, keys)
  const last = indexItems(sides.last ?? [], keys)
  // Items without a key, or two with one: no telling which is which. Validation will say so.
  if (!wanted || !live) return sides.wanted
  const merged = new Map<string, Json>()
  for (const [key, item] of wanted) {
    const before = live.get(key)
    merged.set(key, before ? mergeMaps(`${path}[]`, { last: last?.get(key), live: before, wanted: item }) : item)
  }
  const foreign = [...live.keys()].filter(key => !wanted.has(key) && !last?.has(key))
  const order = placeForeign([...wanted.keys()], [...live.keys()], foreign)
  return order.map(key => merged.get(key) ?? live.get(key))
}

/** The manifest's order, with each foreign item behind the one that it followed: applying again moves nothing. */
function placeForeign(wanted: string[], live: string[], foreign: string[]): string[] {
  const order = [...wanted]
  for (const key of foreign) {
    const before = live.slice(0, live.indexOf(key)).findLast(candidate => order.includes(candidate))
    order.splice(before === undefined ? 0 : order.indexOf(before) + 1, 0, key)
  }
  return order
}

function mergeSets({ last = [], live, wanted }: ThreeWay<Json[]>): Json[] {
  const foreign = live.filter(value => !wanted.includes(value) && !last.includes(value))
  return [
    ...live.filter(value => wanted.includes(value) || foreign.includes(value)),
    ...wanted.filter(value => !live.includes(value)),
  ]
}

function indexItems(items: Json[], keys: readonly string[]): Map<string, JsonMap> | undefined {
  const indexed = new Map<string, JsonMap>()
  for (const item of items) {
    const key = isMap(item) ? mergeKeyOf(item, keys) : undefined
    if (!isMap(item) || key === undefined || indexed.has(key)) return undefined
    indexed.set(key, item)
  }
  return indexed
}
