/** Observes all pods of ours with few calls: what cannot change while a pod runs is asked for once. */

import { hasCode } from '../../kit/errors.ts'
import { askAgainMidway } from './ask-again.ts'
import { cri, queryDeadlineMs } from './cri.ts'
import * as m from './cri-messages.ts'
import type { GrpcClient } from './grpc.ts'
import {
  type ContainerStatus,
  isHostNetwork,
  type OwnerLabels,
  type SandboxItem,
  type SandboxStatus,
  toObservedContainer,
  toObservedPod,
} from './pods.ts'
import type { ObservedPod } from './runtime.ts'

/** Status calls under way at once. */
const maxParallelCalls = 8

const running = m.containerStates.indexOf('running')

export class PodList {
  #client: GrpcClient
  #owner: OwnerLabels
  /** By id; only of ready sandboxes and running containers, whose status stands still. */
  #sandboxes = new Map<string, SandboxStatus>()
  #containers = new Map<string, ContainerStatus>()

  constructor(client: GrpcClient, owner: OwnerLabels) {
    this.#client = client
    this.#owner = owner
  }

  async read(): Promise<ObservedPod[]> {
    const filter = { filter: { labelSelector: this.#owner } }
    const [{ items }, { containers }] = await Promise.all([
      this.#client.call(cri.listSandboxes, filter, { deadlineMs: queryDeadlineMs }),
      this.#client.call(cri.listContainers, filter, { deadlineMs: queryDeadlineMs }),
    ])
    const sandboxes = await mapParallel(items, item => this.#sandboxStatus(item))
    const statuses = await mapParallel(containers, item => this.#containerStatus(item))
    this.#remember(items, sandboxes, statuses)

    const pods = items.flatMap((item, index) => {
      const status = sandboxes[index]
      return status ? [toObservedPod(item, status.network?.ip || undefined, isHostNetwork(status))] : []
    })
    const byId = new Map(pods.map(pod => [pod.sandboxId, pod]))
    for (const [index, { sandboxId }] of containers.entries()) {
      const status = statuses[index]
      if (status) byId.get(sandboxId)?.containers.push(toObservedContainer(status))
    }
    // containerd lists in no order; ours makes two observations of the same board equal.
    for (const pod of pods) pod.containers.sort(byAge)
    return pods.sort(byAge)
  }

  #remember(
    items: SandboxItem[],
    sandboxes: Array<SandboxStatus | undefined>,
    containers: Array<ContainerStatus | undefined>,
  ): void {
    const ready = items.flatMap((item, index) => (item.state === m.sandboxReady ? [sandboxes[index]] : []))
    this.#sandboxes = byId(ready.filter(status => status?.state === m.sandboxReady))
    this.#containers = byId(containers.filter(status => status?.state === running))
  }

  async #sandboxStatus({ id, state }: SandboxItem): Promise<SandboxStatus | undefined> {
    const known = state === m.sandboxReady ? this.#sandboxes.get(id) : undefined
    if (known) return known
    return goneAsUndefined(async () => {
      const ask = () => this.#client.call(cri.sandboxStatus, { id }, { deadlineMs: queryDeadlineMs })
      const { status } = await askAgainMidway(ask)
      return status
    })
  }

  async #containerStatus({ id, state }: { id: string; state: number }): Promise<ContainerStatus | undefined> {
    const known = state === running ? this.#containers.get(id) : undefined
    if (known) return known
    return goneAsUndefined(async () => {
      const { status } = await this.#client.call(cri.containerStatus, { id }, { deadlineMs: queryDeadlineMs })
      return status
    })
  }
}

function byId<T extends { id: string }>(statuses: Array<T | undefined>): Map<string, T> {
  return new Map(statuses.flatMap(status => (status ? [[status.id, status] as const] : [])))
}

function byAge(a: { createdAtMs: number }, b: { createdAtMs: number }): number {
  return a.createdAtMs - b.createdAtMs
}

/** What was removed between the list and the question is no longer there: leave it out. */
async function goneAsUndefined<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (hasCode(error, 'NotFound')) return undefined
    throw error
  }
}

async function mapParallel<T, R>(items: T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await run(item)
  }
  await Promise.all(Array.from({ length: Math.min(maxParallelCalls, items.length) }, worker))
  return results
}
