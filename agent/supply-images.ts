/** Sees to it, when the agent starts, that containerd has the images that come with the program: it may have been installed anew. */
import { type BackoffOptions, backoffMs } from '../kit/backoff.ts'
import { type Clock, sleep } from '../kit/clock.ts'
import { hasCode, messageOf } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Disk } from './board/disk.ts'
import { importImages } from './board/import-images.ts'
import type { RunProgram } from './board/run-program.ts'

export interface SupplyParts {
  disk: Pick<Disk, 'list'>
  run: RunProgram
  /** containerd's. */
  socket: string
  clock: Clock
  log: Log
  signal: AbortSignal
  directory?: string
}

const retryMs: BackoffOptions = { minMs: 2000, maxMs: 60_000, jitter: 0.5 }
/** containerd is up within seconds, or something is wrong that the agent tells of by itself. */
const maxTries = 20

/** Resolves when they are there, or it has given up, or is told to end. Never rejects: pods may run without. */
export async function supplyImages(parts: SupplyParts): Promise<void> {
  const { clock, log, signal } = parts
  for (let tries = 0; tries < maxTries && !signal.aborted; tries++) {
    try {
      const imported = await importImages(parts)
      if (imported.length > 0)
        log.info('container images that come with the program were imported', { images: imported })
      return
    } catch (error) {
      if (!hasCode(error, 'ServiceUnavailable', 'Timeout'))
        return log.warn('cannot import the container images that come with the program', { reason: messageOf(error) })
      // Told to end: nothing is waited for any more.
      await sleep(clock, backoffMs(tries, retryMs), signal).catch(() => undefined)
    }
  }
}
