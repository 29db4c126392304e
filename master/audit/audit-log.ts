/**
 * The audit log on the disk: JSON lines, gathered for a second and written together so that an SD card is spared, in a few
 * files that never outgrow their limit. `kill -9` loses the last second; a power cut what the kernel had not written yet
 * (half a minute by its defaults).
 */
import { chmod, type FileHandle, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cancel, Clock } from '../../kit/clock.ts'
import { makeDirectory } from '../../kit/directory.ts'
import type { Log } from '../../kit/log.ts'
import { type AuditEntry, type AuditLevel, type AuditSink, isAudited } from './audit-entry.ts'
import { Gathered } from './gathered.ts'

export interface AuditLogParts {
  /** Made when it is missing, for its owner alone. */
  directory: string
  level: AuditLevel
  clock: Clock
  log: Log
  /** Defaults: 8 files of 4 MiB. */
  maxFiles?: number
  maxFileBytes?: number
}

const gatherMs = 1000

export class AuditLog implements AuditSink {
  #parts: AuditLogParts
  #maxFiles: number
  #maxFileBytes: number
  #gathered = new Gathered()
  #cancel: Cancel | undefined
  /** One write after the other. */
  #writing: Promise<void> = Promise.resolve()
  #file: FileHandle | undefined
  #fileBytes = 0
  #failed = false

  constructor(parts: AuditLogParts) {
    this.#parts = parts
    this.#maxFiles = parts.maxFiles ?? 8
    this.#maxFileBytes = parts.maxFileBytes ?? 4 * 1024 * 1024
  }

  /** Rejects when the directory cannot be made or the file not opened: better seen at the start than missed later. */
  async start(): Promise<void> {
    if (this.#parts.level === 'none') return
    await makeDirectory(this.#parts.directory, 0o700)
    await this.#open()
  }

  record(entry: AuditEntry): void {
    const { level, clock } = this.#parts
    if (!isAudited(level, entry)) return
    this.#gathered.add(entry)
    this.#cancel ??= clock.after(gatherMs, () => {
      this.#cancel = undefined
      void this.#flush()
    })
  }

  /** All that was recorded is on the disk when it resolves. */
  async stop(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    await this.#flush()
    await this.#file?.sync().catch(error => this.#tell(error))
    await this.#file?.close()
    this.#file = undefined
  }

  #flush(): Promise<void> {
    const text = this.#gathered.take()
    if (text !== '') this.#writing = this.#writing.then(() => this.#write(text)).catch(error => this.#tell(error))
    return this.#writing
  }

  async #write(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    if (this.#fileBytes > 0 && this.#fileBytes + bytes.length > this.#maxFileBytes) await this.#rotate()
    // A rotation that failed has left none.
    if (!this.#file) await this.#open()
    await this.#file?.appendFile(bytes)
    this.#fileBytes += bytes.length
    this.#failed = false
  }

  async #rotate(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
    for (let number = this.#maxFiles - 1; number >= 1; number--) {
      const from = number === 1 ? this.#path() : this.#path(number - 1)
      await rename(from, this.#path(number)).catch(ignoreMissing)
    }
    await this.#open()
  }

  async #open(): Promise<void> {
    const file = await open(this.#path(), 'a+', 0o600)
    this.#file = file
    // Also when somebody else has made it, or made it readable.
    await chmod(this.#path(), 0o600)
    this.#fileBytes = (await file.stat()).size
    if (this.#fileBytes === 0) return
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, this.#fileBytes - 1)
    // A power cut may have left half a line: what follows begins on its own.
    if (buffer.toString() !== '\n') this.#fileBytes += (await file.write('\n')).bytesWritten
  }

  /** 0: the one that is written to. */
  #path(number = 0): string {
    return join(this.#parts.directory, number === 0 ? 'audit.log' : `audit.log.${number}`)
  }

  /** A full disk does not stop the cluster; it is told once, not at each line. */
  #tell(error: unknown): void {
    if (!this.#failed) this.#parts.log.error('cannot write the audit log: what is asked now leaves no trace', { error })
    this.#failed = true
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
