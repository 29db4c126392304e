/** What the agent remembers of a pod between two looks at it: failures that the runtime does not keep. Lost with the process, at no harm. */
import type { ObservedPod } from '../runtime/runtime.ts'

/** Kubernetes' word for an environment that cannot be made. */
export const configFailure = 'CreateContainerConfigError'

/** Kubernetes' word for a pod whose volumes cannot be made yet. */
export const mountFailure = 'ContainerCreating'

export interface Failure {
  reason: string
  message: string
  /** In a row. */
  count: number
  /** Monotonic milliseconds. */
  retryAtMs: number
}

export class PodRecord {
  /** By container name: why it could not be started. */
  readonly failures = new Map<string, Failure>()
  /** By container name: the highest attempt ever seen, so that restart counts survive the removal of a dead sandbox. */
  readonly attempts = new Map<string, number>()
  sandboxAttempts = 0
  /** Why there is no sandbox yet. */
  sandboxFailure: string | undefined

  remember(observed: readonly ObservedPod[]): void {
    for (const sandbox of observed) {
      this.sandboxAttempts = Math.max(this.sandboxAttempts, sandbox.attempt + 1)
      for (const { name, attempt } of sandbox.containers) {
        this.attempts.set(name, Math.max(this.attempts.get(name) ?? 0, attempt))
      }
    }
  }

  fail(container: string, failure: { reason: string; message: string; nowMs: number }): Failure {
    const count = (this.failures.get(container)?.count ?? 0) + 1
    const { reason, message, nowMs } = failure
    const next = { reason, message, count, retryAtMs: nowMs + imageBackoffMs(count) }
    this.failures.set(container, next)
    return next
  }

  /** With a new wish may have come the ConfigMap or Secret that a start has waited for; no start costs less to try. */
  retryConfig(): void {
    for (const failure of this.failures.values()) {
      if ([configFailure, mountFailure].includes(failure.reason)) failure.retryAtMs = 0
    }
  }
}

/** As the kubelet does for images: 10 s, doubling to 5 min. */
function imageBackoffMs(failuresInARow: number): number {
  return Math.min(300_000, 10_000 * 2 ** (failuresInARow - 1))
}
