/** The last wish on disk, so that a board that boots without its master runs what it ran. */
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asRecord } from '../../kit/bus/bad-messages.ts'
import { hashDocuments, hashOfHashes, type Snapshot } from '../../kit/bus/collection.ts'
import type { Cancel, Clock } from '../../kit/clock.ts'
import { makeDirectory } from '../../kit/directory.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { writePrivateFile } from '../../kit/private-file.ts'

export interface DiskCacheParts {
  path: string
  clock: Clock
  log: Log
  /** Changes within this time cost the card one write. */
  gatherMs: number
}

/** Of the file; another one is not read. */
const formatVersion = 1

export class DiskCache {
  #parts: DiskCacheParts
  #pending: Snapshot | undefined
  /** What the file holds: its epoch too, since that fences off an old master also after a reboot. */
  #written: string | undefined
  #timer: Cancel | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(parts: DiskCacheParts) {
    this.#parts = parts
  }

  /** Undefined when there is none, or one that cannot be read: the master will give it again. */
  async read(): Promise<Snapshot | undefined> {
    try {
      const snapshot = parse(await readFile(this.#parts.path, 'utf8'))
      this.#written = keyOf(snapshot)
      return snapshot
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      if (!missing)
        this.#parts.log.warn('cannot read the cached wish', { path: this.#parts.path, error: messageOf(error) })
      return undefined
    }
  }

  /** Writes `snapshot` soon. Equal content is not written again, whatever its generation. */
  write(snapshot: Snapshot): void {
    this.#pending = snapshot
    this.#timer ??= this.#parts.clock.after(this.#parts.gatherMs, () => {
      this.#timer = undefined
      this.#writing = this.#writing.then(() => this.#flush())
    })
  }

  async stop(): Promise<void> {
    this.#timer?.()
    await this.#writing
    await this.#flush()
  }

  async #flush(): Promise<void> {
    const snapshot = this.#pending
    this.#pending = undefined
    if (!snapshot || keyOf(snapshot) === this.#written) return
    try {
      await makeDirectory(dirname(this.#parts.path))
      await writePrivateFile(this.#parts.path, JSON.stringify(render(snapshot)))
      this.#written = keyOf(snapshot)
    } catch (error) {
      this.#parts.log.error('cannot cache the wish', { path: this.#parts.path, error: messageOf(error) })
    }
  }
}

function keyOf({ epoch, hash }: Snapshot): string {
  return `${epoch} ${hash}`
}

/** Throws for whatever `render` has not made: cards rot, and half a wish would stop the pods of the other half. */
function parse(text: string): Snapshot {
  const { version, epoch, generation, hash, documents } = asRecord(JSON.parse(text))
  if (version !== formatVersion) throw new Error(`its version is ${version}, not ${formatVersion}`)
  const map = new Map(Object.entries(asRecord(documents)))
  if (typeof epoch !== 'number' || typeof generation !== 'number') throw new Error('it has no epoch and generation')
  if (hash !== hashOfHashes(hashDocuments(map))) throw new Error('its hash does not fit its documents')
  return { epoch, generation, hash, documents: map }
}

function render({ documents, ...state }: Snapshot): object {
  return { version: formatVersion, ...state, documents: Object.fromEntries(documents) }
}
