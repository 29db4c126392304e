/** Pods, sandboxes and containers for tests of the reconcile room: each builder gives the plainest one, then what the test says. */
import { specHash } from '../../../agent/reconcile/container-config.ts'
import { PodRecord } from '../../../agent/reconcile/pod-record.ts'
import { crashesAnnotation, specHashAnnotation } from '../../../agent/reconcile/steps.ts'
import type { ObservedContainer, ObservedPod } from '../../../agent/runtime/runtime.ts'
import type { ObjectMeta } from '../../../contract/resources/meta.ts'
import type { Container, PodSpec } from '../../../contract/resources/pod.ts'
import type { PodWish } from '../../../contract/wire/fleet.ts'

export const nowMs = Date.UTC(2026, 0, 1, 12)
export const second = 1000
export const minute = 60_000

export function spec(name = 'main', more: Partial<Container> = {}): Container {
  return { name, image: 'web:1', ...more }
}

export interface WishOptions {
  metadata?: Partial<ObjectMeta>
  spec?: Partial<PodSpec>
}

export function wishOf(containers: Container[] = [spec()], options: WishOptions = {}): PodWish {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'uid-web', ...options.metadata },
    spec: { containers, restartPolicy: 'Always', terminationGracePeriodSeconds: 30, ...options.spec },
  }
}

/** One that runs `of` as it is defined, for a minute. */
export function running(of = spec(), more: Partial<ObservedContainer> = {}): ObservedContainer {
  const attempt = more.attempt ?? 0
  return {
    ...{ id: `${of.name}-${attempt}`, name: of.name, attempt, image: of.image, imageId: 'sha256:1' },
    ...{ state: 'running', createdAtMs: nowMs - minute, startedAtMs: nowMs - minute, finishedAtMs: 0 },
    ...{ exitCode: 0, reason: '', message: '', logPath: `/logs/${of.name}/${attempt}.log`, labels: {} },
    annotations: annotate(of, 0),
    ...more,
  }
}

export interface Exit {
  exitCode?: number
  attempt?: number
  /** Quick ends in a row before it. */
  crashes?: number
  agoMs?: number
  ranMs?: number
}

export function exited(of = spec(), exit: Exit = {}): ObservedContainer {
  const { exitCode = 1, attempt = 0, crashes = 0, agoMs = 0, ranMs = second } = exit
  const finishedAtMs = nowMs - agoMs
  return running(of, {
    ...{ attempt, exitCode, state: 'exited', reason: exitCode === 0 ? 'Completed' : 'Error' },
    ...{ finishedAtMs, startedAtMs: finishedAtMs - ranMs, createdAtMs: finishedAtMs - ranMs },
    annotations: annotate(of, crashes),
  })
}

export function sandbox(containers: ObservedContainer[] = [], more: Partial<ObservedPod> = {}): ObservedPod {
  const attempt = more.attempt ?? 0
  return {
    ...{ namespace: 'default', name: 'web', uid: 'uid-web', sandboxId: `sandbox-${attempt}`, attempt, ready: true },
    ...{ ip: '10.244.1.5', hostNetwork: false, createdAtMs: nowMs - minute, labels: {}, annotations: {}, containers },
    ...more,
  }
}

/** What a power cut leaves of it. */
export function dead(containers: ObservedContainer[] = [], more: Partial<ObservedPod> = {}): ObservedPod {
  return sandbox(containers, { ready: false, ip: undefined, ...more })
}

export function recordOf(observed: readonly ObservedPod[]): PodRecord {
  const record = new PodRecord()
  record.remember(observed)
  return record
}

function annotate(of: Container, crashes: number): Record<string, string> {
  return { [specHashAnnotation]: specHash(of), [crashesAnnotation]: String(crashes) }
}
