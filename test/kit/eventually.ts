/** Waits until something holds, for tests of what happens in its own time. */
import { setTimeout as delay } from 'node:timers/promises'

/** Resolves with the first truthy value of `probe`; rejects after `deadlineMs` with what was expected. */
export async function eventually<T>(what: string, probe: () => T | Promise<T>, deadlineMs = 15_000): Promise<T> {
  const end = performance.now() + deadlineMs
  while (performance.now() < end) {
    const value = await probe()
    if (value) return value
    await delay(5)
  }
  throw new Error(`not seen within ${deadlineMs} ms: ${what}`)
}
