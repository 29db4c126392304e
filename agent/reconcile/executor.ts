/** What the steps are done with, and on what. */
import type { PodWish, ReportedEvent, SecretContents } from '../../contract/wire/fleet.ts'
import { type Clock, timestamp } from '../../kit/clock.ts'
import type { ObservedPod, Runtime } from '../runtime/runtime.ts'
import type { Volumes } from '../volumes/volumes.ts'
import type { BoardPaths } from './container-config.ts'
import type { EnvSources } from './env.ts'
import type { PodRecord } from './pod-record.ts'
import type { Turns } from './turns.ts'

export interface Executor {
  runtime: Runtime
  volumes: Volumes
  clock: Clock
  paths: BoardPaths
  /** What environments are made of; the pod and its address are added per step. */
  sources: () => Omit<EnvSources, 'pod' | 'podIP' | 'secrets'>
  /** By `<namespace>/<name>`; undefined when the wish has none. Rejects with `Invalid` when it cannot be opened. */
  openSecret: (key: string) => Promise<SecretContents | undefined>
  onEvent: (event: ReportedEvent) => void
}

export interface StepContext {
  /** Undefined when the pod is no longer wished. */
  wish: PodWish | undefined
  observed: readonly ObservedPod[]
  record: PodRecord
  executor: Executor
  /** Shared by all pods of the board. Stopping takes no turn: it costs nothing but time, up to its grace period. */
  turns: { start: Turns; pull: Turns }
}

export function emit(
  executor: Executor,
  pod: PodWish,
  event: Pick<ReportedEvent, 'type' | 'reason' | 'message'>,
): void {
  const { namespace = 'default', name, uid = '' } = pod.metadata
  executor.onEvent({ ...event, pod: { namespace, name, uid }, timestamp: timestamp(executor.clock) })
}
