/** A Disk in memory whose power can be cut before any operation: what was not synced is then gone, or was kept by chance. */
import { basename, dirname } from 'node:path'
import type { Disk } from '../../../agent/board/disk.ts'

export class PowerCut extends Error {}

/** What a cut leaves of that which nobody has synced. */
export type Luck = 'unsynced kept' | 'unsynced lost'

interface Entry {
  content: string
  mode?: number
  target?: string
}

export class CrashDisk implements Disk {
  /** As a running system sees it, and as a cut would leave it. */
  #now: Map<string, Entry>
  #kept: Map<string, Entry>
  #operationsLeft = Number.POSITIVE_INFINITY
  #isOff = false
  operations = 0
  /** A mount that takes no writes. */
  readOnly: string | undefined
  readonly poked: string[] = []

  constructor(files: Record<string, string> = {}) {
    this.#now = new Map(Object.entries(files).map(([path, content]) => [path, { content }]))
    this.#kept = new Map(this.#now)
  }

  cutAfter(operations: number): void {
    this.#operationsLeft = operations
  }

  /** Power comes back. */
  restart(luck: Luck): void {
    if (luck === 'unsynced lost') this.#now = new Map(this.#kept)
    this.#kept = new Map(this.#now)
    this.#operationsLeft = Number.POSITIVE_INFINITY
    this.#isOff = false
  }

  /** Path → what is there. Without what an unfinished write has left: the next one removes it. */
  files(): Record<string, string> {
    const whole = [...this.#now].filter(([path]) => !path.endsWith('.flotilla-part'))
    return Object.fromEntries(whole.map(([path, { content, target }]) => [path, target ?? content]).sort())
  }

  modeOf(path: string): number | undefined {
    return this.#now.get(path)?.mode
  }

  async read(path: string): Promise<string | undefined> {
    this.#checkPower()
    return this.#now.get(path)?.content
  }

  async list(path: string): Promise<string[]> {
    this.#checkPower()
    const below = [...this.#now.keys()].filter(name => name.startsWith(`${path}/`))
    return [...new Set(below.map(name => name.slice(path.length + 1).split('/')[0] as string))].sort()
  }

  async create(path: string, content: string, mode?: number): Promise<void> {
    this.#checkWritable(path)
    // Half of it may be there, under the temporary name.
    this.#spend(() => this.#now.set(path, { content: content.slice(0, content.length / 2) }))
    this.#spend(() => this.#now.set(path, { content, ...(mode !== undefined && { mode }) }))
  }

  async overwrite(path: string, content: string): Promise<void> {
    this.#checkWritable(path)
    this.#spend(() => {
      const entry = { ...this.#now.get(path), content }
      this.#now.set(path, entry)
      this.#kept.set(path, entry)
    })
  }

  async rename(from: string, to: string): Promise<void> {
    this.#spend(() => {
      const entry = this.#now.get(from)
      if (!entry) throw new Error(`ENOENT: ${from}`)
      this.#now.delete(from)
      this.#now.set(to, entry)
    })
  }

  async remove(path: string): Promise<void> {
    this.#checkWritable(path)
    this.#spend(() => this.#now.delete(path))
  }

  async link(target: string, path: string): Promise<void> {
    this.#spend(() => {
      if (this.#now.has(path)) throw new Error(`EEXIST: ${path}`)
      this.#now.set(path, { content: this.#now.get(target)?.content ?? '', target })
    })
  }

  async makeDirectory(): Promise<void> {
    this.#spend(() => undefined)
  }

  async syncDirectory(path: string): Promise<void> {
    this.#spend(() => {
      for (const kept of [...this.#kept.keys()]) if (dirname(kept) === path) this.#kept.delete(kept)
      for (const [name, entry] of this.#now) if (dirname(name) === path) this.#kept.set(name, entry)
    })
  }

  async poke(path: string, text: string): Promise<void> {
    this.#checkPower()
    this.poked.push(`${basename(path)} ${text.trim()}`)
  }

  /** For what is no file but can be cut as well: starting a service, joining. */
  async act(effect: () => void): Promise<void> {
    this.#spend(effect)
  }

  #spend(effect: () => void): void {
    this.#checkPower()
    if (this.#operationsLeft <= 0) {
      this.#isOff = true
      throw new PowerCut('the power is off')
    }
    this.#operationsLeft--
    this.operations++
    effect()
  }

  #checkWritable(path: string): void {
    if (this.readOnly === undefined || !path.startsWith(`${this.readOnly}/`)) return
    throw Object.assign(new Error(`EROFS: read-only file system, open '${path}'`), { code: 'EROFS' })
  }

  #checkPower(): void {
    if (this.#isOff) throw new PowerCut('the power is off')
  }
}
