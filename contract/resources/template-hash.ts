/** The hash of a pod template, by which a Deployment tells its ReplicaSets apart. */
import { createHash } from 'node:crypto'
import type { PodTemplate } from './pod.ts'

/** apimachinery `rand.SafeEncodeString`: no vowels and no look-alikes, so that a hash never spells a word. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'
/** 27^10 values: as many characters as Kubernetes' own hashes have. */
const hashLength = 10

/**
 * Equal for equal templates, whatever the order of their fields. `collisions` is the Deployment's `status.collisionCount`:
 * it leads to another hash when the first is taken by another template.
 */
export function podTemplateHash(template: PodTemplate, collisions = 0): string {
  const digest = createHash('sha256')
    .update(`${collisions}\n${stableJson(template)}`)
    .digest()
  return [...digest.subarray(0, hashLength)].map(byte => alphabet[byte % alphabet.length]).join('')
}

/** JSON with the fields of every object in alphabetical order. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)))
  })
}
