/** The adapter of `level`: strings in LevelDB, with its errors in our words and its buffers sized for a small board. */
import { Level } from 'level'
import { makeDirectory } from '../../kit/directory.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'

export type Write = { type: 'put'; key: string; value: string } | { type: 'del'; key: string }

export interface Range {
  gt?: string
  gte?: string
  lte?: string
  lt?: string
  limit?: number
}

export interface LevelSnapshot {
  close(): Promise<void>
}

/** LevelDB holds up to two write buffers and one cache in memory: its own 4 MB and 8 MB are much for a master of 45 MiB. */
const options = { compression: true, writeBufferSize: 1024 * 1024, cacheSize: 1024 * 1024, maxOpenFiles: 100 }

export class LevelDatabase {
  #level: Level<string, string>

  private constructor(level: Level<string, string>) {
    this.#level = level
  }

  /** Makes the directory when there is none. */
  static async open(directory: string): Promise<LevelDatabase> {
    try {
      await makeDirectory(directory, 0o700)
      const level = new Level<string, string>(directory, options)
      await level.open()
      return new LevelDatabase(level)
    } catch (error) {
      throw openError(directory, error)
    }
  }

  get(key: string, snapshot?: LevelSnapshot): Promise<string | undefined> {
    return reading(this.#level.get(key, within(snapshot)))
  }

  getMany(keys: string[]): Promise<Array<string | undefined>> {
    return reading(this.#level.getMany(keys))
  }

  /** The range as it is at the time of the call (or of the snapshot), whatever is written while it is read. */
  entries(range: Range, snapshot?: LevelSnapshot): AsyncIterable<[string, string]> {
    return readingEach(this.#level.iterator({ ...range, ...within(snapshot) }))
  }

  keys(range: Range): Promise<string[]> {
    return reading(this.#level.keys(range).all())
  }

  /** The caller closes it. */
  snapshot(): LevelSnapshot {
    return this.#level.snapshot()
  }

  /** All or nothing; with `sync` on the disk when it resolves. */
  async write(writes: Write[], { sync }: { sync: boolean }): Promise<void> {
    try {
      await this.#level.batch(writes, { sync } as object)
    } catch (error) {
      throw new CodedError('ServiceUnavailable', `cannot write to the store: because ${reasonOf(error)}`, {
        cause: error,
      })
    }
  }

  /**
   * Rewrites the files without what was overwritten or deleted. A file on the deepest level is rewritten only together with
   * something above it, and what was just written goes to the deepest level that is free: hence the marks at both ends, twice.
   */
  async compact(): Promise<void> {
    try {
      for (let round = 0; round < 2; round++) {
        await this.#level.batch(compactionMarks.map(key => ({ type: 'put' as const, key, value: '' })))
        await (this.#level as Level & Compacting).compactRange(...compactionMarks)
      }
    } catch (error) {
      throw new CodedError('ServiceUnavailable', `cannot compact the store: because ${reasonOf(error)}`, {
        cause: error,
      })
    }
  }

  close(): Promise<void> {
    return this.#level.close()
  }
}

/** Before and after all keys. */
const compactionMarks = ['!', '~'] as const

/** Of the engine that `level` has in Node. */
interface Compacting {
  compactRange(start: string, end: string): Promise<void>
}

function within(snapshot: LevelSnapshot | undefined): { snapshot?: ReturnType<Level['snapshot']> } {
  return snapshot ? { snapshot: snapshot as ReturnType<Level['snapshot']> } : {}
}

async function reading<T>(result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    throw readError(error)
  }
}

async function* readingEach<T>(entries: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* entries
  } catch (error) {
    throw readError(error)
  }
}

function readError(error: unknown): CodedError {
  return new CodedError('ServiceUnavailable', `cannot read the store: because ${reasonOf(error)}`, { cause: error })
}

function openError(directory: string, error: unknown): CodedError {
  const [code, why] =
    codeOf(error) === 'LEVEL_LOCKED'
      ? (['Conflict', `another master is using ${directory}`] as const)
      : (['ServiceUnavailable', `${directory}: ${reasonOf(error)}`] as const)
  return new CodedError(code, `cannot open the store: because ${why}`, { cause: error })
}

function reasonOf(error: unknown): string {
  const detail = messageOf(error instanceof Error && error.cause ? error.cause : error)
  return codeOf(error) === 'LEVEL_CORRUPTION' ? `its files are damaged (${detail}); restore a backup` : detail
}

/** LevelDB's own code: at opening it is on the cause. */
function codeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined
  return codeOf(error.cause) ?? (error as Error & { code?: unknown }).code
}
