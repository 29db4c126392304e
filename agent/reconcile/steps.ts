/** What the agent can do for a pod: the whole vocabulary between deciding (plan-pod) and doing (execute). */
import type { Container } from '../../contract/resources/pod.ts'

export type Step =
  | { type: 'runSandbox'; attempt: number }
  /** Kills what is left in it and frees its address; its dead containers and their logs stay. */
  | { type: 'stopSandbox'; sandboxId: string }
  /** Stops it, then removes it with its containers. */
  | { type: 'removeSandbox'; sandboxId: string }
  /** Has the image, creates the container, starts it. `crashes` counts quick ends in a row before this start. */
  | {
      type: 'startContainer'
      container: Container
      attempt: number
      crashes: number
      sandboxId: string
      podIP: string | undefined
    }
  | { type: 'stopContainer'; containerId: string; graceSeconds: number; why: string }
  | { type: 'removeContainer'; containerId: string }
  /** No trace of the pod is left: say so to the master. */
  | { type: 'reportGone' }

export interface Plan {
  /** Independent of each other: they run at once, then the pod is observed and planned again. */
  steps: Step[]
  /** When to look again although nothing changed: a back-off is running. */
  againInMs?: number
}

/** Annotations on CRI objects, so that a restarted agent knows what the one before it knew. */
export const specHashAnnotation = 'flotilla.dev/spec-hash'
export const crashesAnnotation = 'flotilla.dev/crashes'
export const graceAnnotation = 'flotilla.dev/termination-grace-seconds'
