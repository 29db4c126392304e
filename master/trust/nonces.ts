/** Numbers that are good for one minute, kept by nobody: each carries its time and our mark. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../kit/clock.ts'
import type { Random } from '../../kit/random.ts'

const lifeMs = 60_000
const shape = /^(\d{1,15})\.([A-Za-z0-9_-]{43})$/

export class Nonces {
  #clock: Clock
  /** Of this process: after a restart the asker asks anew. */
  #secret: string

  constructor({ clock, random }: { clock: Clock; random: Random }) {
    this.#clock = clock
    this.#secret = `${random.uuid()}${random.uuid()}`
  }

  make(): string {
    const at = String(Math.floor(this.#clock.now()))
    return `${at}.${this.#mark(at)}`
  }

  /** Whether it is one of ours, and not too old. */
  check(nonce: string): boolean {
    const [, at = '', mark = ''] = shape.exec(nonce) ?? []
    if (at === '' || !timingSafeEqual(Buffer.from(mark), Buffer.from(this.#mark(at)))) return false
    const ageMs = this.#clock.now() - Number(at)
    return ageMs >= 0 && ageMs <= lifeMs
  }

  #mark(at: string): string {
    return createHmac('sha256', this.#secret).update(at).digest('base64url')
  }
}
