/** Audit entries until they are written: so many and no more, so that who is refused a thousand times does not wash away the rest. */
import type { AuditEntry } from './audit-entry.ts'

/** Of all users together, bytes. */
const maxBytes = 512 * 1024
/** Of what one user was refused: further ones are counted. */
const maxRefusals = 20
/** Users whose refusals are counted apart. */
const maxCounted = 1000

export class Gathered {
  #lines: string[] = []
  #bytes = 0
  #refused = new Map<string, number>()
  #lost = 0
  #last = ''

  add(entry: AuditEntry): void {
    this.#last = entry.time
    if (entry.code === 'Forbidden' || entry.code === 'Unauthorized') {
      const count = (this.#refused.get(entry.user) ?? 0) + 1
      if (count === 1 && this.#refused.size >= maxCounted) return this.#lose()
      this.#refused.set(entry.user, count)
      if (count > maxRefusals) return
    }
    const line = `${JSON.stringify(entry)}\n`
    if (this.#bytes + line.length > maxBytes) return this.#lose()
    this.#lines.push(line)
    this.#bytes += line.length
  }

  /** The lines since the last call, and starts anew. */
  take(): string {
    const time = this.#last
    for (const [user, count] of this.#refused)
      if (count > maxRefusals)
        this.#lines.push(`${JSON.stringify({ time, user, code: 'Forbidden', more: count - maxRefusals })}\n`)
    if (this.#lost > 0) this.#lines.push(`${JSON.stringify({ time, lost: this.#lost })}\n`)
    const text = this.#lines.join('')
    this.#lines = []
    this.#bytes = 0
    this.#refused.clear()
    this.#lost = 0
    return text
  }

  #lose(): void {
    this.#lost++
  }
}
