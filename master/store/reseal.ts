/** Seals everything anew that is not sealed with the current key, by ordinary commits: whoever writes meanwhile wins. */
import { hasCode } from '../../kit/errors.ts'
import type { Entry, Store } from './store.ts'

export interface Resealing {
  /** With values as they are on the disk. */
  store: Store
  /** Only keys that start with it. */
  prefix: string
  /** What is to be stored instead; undefined when it may stay. Throws for what cannot be opened. */
  reseal: (entry: Entry) => object | undefined
}

/** Read at once, and committed together: they share an fsync. */
const pageSize = 50
/** How often one object is tried when others write it at the same time; what they write is sealed with the current key. */
const maxConflicts = 8

/** Resolves to how many objects were sealed anew. */
export async function resealAll(resealing: Resealing): Promise<number> {
  const { store, prefix } = resealing
  let count = 0
  let after: string | undefined
  do {
    const page = await store.list(prefix, { limit: pageSize, ...(after !== undefined && { after }) })
    const done = await Promise.all(page.entries.map(entry => resealOne(resealing, entry)))
    count += done.filter(Boolean).length
    after = page.next
  } while (after !== undefined)
  return count
}

async function resealOne({ store, reseal }: Resealing, first: Entry): Promise<boolean> {
  let entry: Entry | undefined = first
  for (let attempt = 1; ; attempt++) {
    const value = entry && reseal(entry)
    if (!entry || !value) return false
    try {
      await store.commit([{ type: 'put', key: entry.key, value, expected: entry.revision }])
      return true
    } catch (error) {
      if (!hasCode(error, 'Conflict') || attempt >= maxConflicts) throw error
      entry = await store.get(entry.key)
    }
  }
}
