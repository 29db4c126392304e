/** The Volumes port: the files that pods of this board see, made before their containers and renewed while they run. */
import type { Container } from '../../contract/resources/pod.ts'
import type { PodWish } from '../../contract/wire/fleet.ts'

export interface Volumes {
  /**
   * Makes the pod's volumes, or brings them up to date; idempotent, one at a time per pod. Rejects with `NotFound` that names
   * the missing object or key, never contents; with `Invalid` when a file cannot be named so.
   */
  make(pod: PodWish): Promise<void>
  /** Brings the files of a running pod up to date, each volume whole or not at all. What is missing by now stays as it was. */
  renew(pod: PodWish): Promise<void>
  /**
   * What to mount into a container of the pod, once its volumes are made. `expand` fills in the container's variables.
   * Rejects with `Invalid` for a subPath that is not there, or that a container could lead elsewhere.
   */
  mountsOf(pod: PodWish, container: Container, expand: (text: string) => string): Promise<VolumeMountPoint[]>
  /** Every trace of a pod's volumes, and its tokens. Idempotent. */
  remove(uid: string): Promise<void>
  /** Uids of the pods that have files in memory, those of an agent before this one included. */
  list(): Promise<string[]>
}

export interface VolumeMountPoint {
  hostPath: string
  containerPath: string
  readOnly: boolean
}
