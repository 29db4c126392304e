/**
 * Notices that somebody else speaks in this node's name: our own broker then says that our place is taken, another one may end each
 * connection soon after it began.
 */
import type { MqttBus } from '../../kit/bus/mqtt-bus.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'

export interface TwinWatchParts {
  bus: Pick<MqttBus, 'onConnect' | 'onFailure'>
  nodeName: string
  clock: Clock
  log: Log
}

/** A connection that ended sooner was ended by somebody, or the network is bad. */
const shortMs = 30_000
/** So many in a row are no accident. */
const suspicious = 3
const repeatMs = 60 * 60 * 1000

/** Returns what ends the watch. */
export function watchForTwin({ bus, nodeName, clock, log }: TwinWatchParts): () => void {
  const seen = { connectedAtMs: Number.NEGATIVE_INFINITY, short: 0, saidAtMs: Number.NEGATIVE_INFINITY }
  const undo = [
    bus.onConnect(() => {
      seen.connectedAtMs = clock.monotonic()
    }),
    bus.onFailure(({ kind }) => {
      const nowMs = clock.monotonic()
      if (kind === 'taken') seen.short = suspicious
      // Attempts that fail in between are of the same outage.
      else if (seen.connectedAtMs === Number.NEGATIVE_INFINITY) return
      else seen.short = nowMs - seen.connectedAtMs < shortMs ? seen.short + 1 : 0
      seen.connectedAtMs = Number.NEGATIVE_INFINITY
      if (seen.short < suspicious || nowMs - seen.saidAtMs < repeatMs) return
      seen.saidAtMs = nowMs
      log.error('the broker ends the connection of this node again and again', {
        times: seen.short,
        reason: `the network is bad, or a second board has the identity of node ${nodeName}, as when a card is copied after it joined`,
        remedy: 'each board joins by itself: flotilla token create, then flotilla join --force --name NAME on the copy',
      })
    }),
  ]
  return () => {
    for (const stop of undo) stop()
  }
}
