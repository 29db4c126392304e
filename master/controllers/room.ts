/** What controllers are given: the store to write to, the cache to read from, and what time and chance are. */
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'
import type { Cache } from '../store/cache.ts'
import type { EventRecorder } from '../store/event-recorder.ts'
import type { NodeHealth } from '../store/node-health.ts'
import type { NodeUsageBoard } from '../store/node-usage.ts'
import type { Objects } from '../store/objects.ts'
import type { Store } from '../store/store.ts'

export interface ControllersParts {
  store: Store
  objects: Objects
  cache: Cache
  clock: Clock
  random: Random
  log: Log
  events: EventRecorder
  health: NodeHealth
  usage: NodeUsageBoard
  /** All pods' addresses, such as `10.244.0.0/16`: each node gets a /24 of it. */
  clusterCIDR: string
  /** How long a new master waits to hear from a node before it takes its silence for absence, ms. */
  startGraceMs: number
}
