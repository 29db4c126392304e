/** A watch that outlives a master's restart: it resumes where it was, and lists anew when it fell too far behind. */
import type { Target, WatchFrame } from '../contract/wire/api.ts'
import { backoffMs } from '../kit/backoff.ts'
import { errorFromWire } from '../kit/bus/wire-error.ts'
import { type Clock, sleep } from '../kit/clock.ts'
import { hasCode } from '../kit/errors.ts'
import type { ApiClient, WatchOptions } from './api-client.ts'

export type Change = Exclude<WatchFrame, { type: 'ERROR' | 'BOOKMARK' }>

export interface Follow {
  api: Pick<ApiClient, 'watch'>
  clock: Clock
  target: Target
  options: WatchOptions
  /** Told each time what comes next starts again from the beginning. */
  onRestart?: () => void
  /** Told when everything that was there at the start has been given out. */
  onPresent?: () => void
}

/** About a minute of a master that is away. */
const maxAttempts = 20
const retry = { minMs: 200, maxMs: 5000 }

/** Ends with the signal. Rejects when the API stays away, or refuses. */
export async function* follow({ api, clock, target, options, onRestart, onPresent }: Follow): AsyncGenerator<Change> {
  let { resourceVersion } = options
  for (let attempt = 0; ; attempt++) {
    try {
      for await (const frame of api.watch(target, withVersion(options, resourceVersion))) {
        attempt = 0
        if (frame.type === 'ERROR') throw errorFromWire(frame.error)
        resourceVersion = frame.type === 'BOOKMARK' ? frame.resourceVersion : versionAfter(frame, resourceVersion)
        if (frame.type === 'BOOKMARK') onPresent?.()
        else yield frame
      }
      if (options.signal?.aborted) return
    } catch (error) {
      if (options.signal?.aborted) return
      if (hasCode(error, 'Expired')) {
        resourceVersion = undefined
        onRestart?.()
      } else if (!hasCode(error, 'ServiceUnavailable', 'Timeout') || attempt >= maxAttempts) throw error
    }
    await sleep(clock, backoffMs(attempt, retry), options.signal).catch(() => undefined) // Aborted: the loop sees it.
  }
}

/** While the objects of the start come in, their versions are not in order: only the bookmark after them counts. */
function versionAfter(frame: Change, before: string | undefined): string | undefined {
  return before === undefined ? undefined : (frame.object.metadata.resourceVersion ?? before)
}

function withVersion({ resourceVersion: _first, ...rest }: WatchOptions, version: string | undefined): WatchOptions {
  return version === undefined ? rest : { ...rest, resourceVersion: version }
}
