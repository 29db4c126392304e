/** What our code uses and Node 20 does not have yet, for the architecture that has no newer Node. */

/** Does nothing on a Node that has it all. */
export function addWhatNode20Lacks(): void {
  Promise.withResolvers ??= withResolvers
  Map.groupBy ??= groupBy
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  const parts: Partial<PromiseWithResolvers<T>> = {}
  parts.promise = new Promise<T>((resolve, reject) => {
    parts.resolve = resolve
    parts.reject = reject
  })
  return parts as PromiseWithResolvers<T>
}

function groupBy<K, T>(items: Iterable<T>, keyOf: (item: T, index: number) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  let index = 0
  for (const item of items) {
    const key = keyOf(item, index++)
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return groups
}
