/** Values by topic, in a tree of topic levels: a lookup by filter visits only what can match, however many topics there are. */

interface Branch<T> {
  value: T | undefined
  children: Map<string, Branch<T>> | undefined
}

export class TopicTrie<T> {
  #root: Branch<T> = { value: undefined, children: undefined }
  #size = 0
  #visited = 0

  get size(): number {
    return this.#size
  }

  /** Branches visited by all matches so far: what a lookup costs. */
  get visited(): number {
    return this.#visited
  }

  get(topic: string): T | undefined {
    let branch: Branch<T> | undefined = this.#root
    for (const level of topic.split('/')) branch = branch?.children?.get(level)
    return branch?.value
  }

  set(topic: string, value: T): void {
    let branch = this.#root
    for (const level of topic.split('/')) {
      branch.children ??= new Map()
      const next = branch.children.get(level) ?? { value: undefined, children: undefined }
      branch.children.set(level, next)
      branch = next
    }
    if (branch.value === undefined) this.#size++
    branch.value = value
  }

  /** Removes a topic, and the branches that led only there. */
  delete(topic: string): void {
    const levels = topic.split('/')
    const path: Branch<T>[] = [this.#root]
    for (const level of levels) {
      const next = path.at(-1)?.children?.get(level)
      if (!next) return
      path.push(next)
    }
    const leaf = path.at(-1)
    if (leaf?.value === undefined) return
    leaf.value = undefined
    this.#size--
    for (let depth = levels.length; depth > 0 && isBare(path[depth]); depth--) {
      const parent = path[depth - 1]
      parent?.children?.delete(levels[depth - 1] ?? '')
      if (parent?.children?.size === 0) parent.children = undefined
    }
  }

  /** Values whose topic matches an MQTT filter (MQTT 3.1.1 section 4.7). */
  *match(filter: string): Generator<T> {
    yield* this.#matchFrom(this.#root, filter.split('/'), 0)
  }

  *#matchFrom(branch: Branch<T>, filter: string[], depth: number): Generator<T> {
    this.#visited++
    const level = filter[depth]
    if (level === undefined) {
      if (branch.value !== undefined) yield branch.value
    } else if (level === '#') {
      // `a/#` matches `a` itself as well [MQTT-4.7.1-2].
      if (branch.value !== undefined) yield branch.value
      for (const [name, child] of branch.children ?? []) if (isOpen(name, depth)) yield* this.#allFrom(child)
    } else if (level === '+') {
      for (const [name, child] of branch.children ?? []) {
        if (isOpen(name, depth)) yield* this.#matchFrom(child, filter, depth + 1)
      }
    } else {
      const child = branch.children?.get(level)
      if (child) yield* this.#matchFrom(child, filter, depth + 1)
    }
  }

  *#allFrom(branch: Branch<T>): Generator<T> {
    this.#visited++
    if (branch.value !== undefined) yield branch.value
    for (const child of branch.children?.values() ?? []) yield* this.#allFrom(child)
  }
}

/** [MQTT-4.7.2-1]: a wildcard at the beginning does not match topics that begin with `$`. */
function isOpen(name: string, depth: number): boolean {
  return depth > 0 || !name.startsWith('$')
}

function isBare<T>(branch: Branch<T> | undefined): boolean {
  return branch?.value === undefined && branch?.children === undefined
}
