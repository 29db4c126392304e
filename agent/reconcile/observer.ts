/** Lists the runtime's pods for many askers at once: each gets a listing that began after it asked, and they share it. */
import type { ObservedPod, Runtime } from '../runtime/runtime.ts'

export type Observation = ReadonlyMap<string, ObservedPod[]>

export class Observer {
  #runtime: Runtime
  #running: Promise<unknown> | undefined
  #next: Promise<Observation> | undefined

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** All sandboxes by the pod's uid. */
  observe(): Promise<Observation> {
    // A listing under way may have passed over what the asker just did: it waits for the next one.
    this.#next ??= this.#afterRunning()
    return this.#next
  }

  async #afterRunning(): Promise<Observation> {
    await this.#running
    this.#next = undefined
    const listing = this.#list()
    this.#running = listing.catch(() => undefined)
    return listing
  }

  async #list(): Promise<Observation> {
    const pods = new Map<string, ObservedPod[]>()
    for (const pod of await this.#runtime.listPods()) {
      const sandboxes = pods.get(pod.uid)
      if (sandboxes) sandboxes.push(pod)
      else pods.set(pod.uid, [pod])
    }
    return pods
  }
}
