/** Keeps as many pods of one template as a ReplicaSet asks for: adopts, creates, deletes, counts. */
import { controllerOf, controllerReference } from '../../contract/resources/owners.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodActive } from '../../contract/resources/pods.ts'
import { matchesSelector } from '../../contract/resources/selector.ts'
import type { ReplicaSet } from '../../contract/resources/workloads.ts'
import { timestamp } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Change } from '../store/cache.ts'
import { sameJson } from '../store/same-json.ts'
import type { Controller } from './controller.ts'
import { keyOf, splitKey } from './keys.ts'
import { podKind, replicaSetKind } from './kinds.ts'
import { OrphanPods } from './orphan-pods.ts'
import { podFromTemplate } from './pod-from-template.ts'
import { rankVictims } from './rank-victims.ts'
import { msUntilAvailable, replicaSetStatus } from './replicaset-status.ts'
import type { ControllersParts } from './room.ts'
import { observed, Writer } from './writer.ts'

/** The source of this controller's events. */
const component = 'replicaset-controller'

/** Pods created or deleted in one go; what is left follows when these are seen. */
const maxBurst = 500

interface Failure {
  reason: string
  message: string
  error: unknown
}

export class ReplicaSetController implements Controller {
  readonly name = 'replicaset'
  #parts: ControllersParts
  #writer: Writer
  #orphans = new OrphanPods()

  constructor(parts: ControllersParts) {
    this.#parts = parts
    this.#writer = new Writer(parts)
  }

  keysOf({ kind, type, object, previous }: Change): string[] {
    if (kind === replicaSetKind) return [keyOf(object)]
    if (kind !== podKind) return []
    const pod = object as unknown as Pod
    this.#orphans.note({ type, object: pod })
    const owners = [pod, previous as unknown as Pod | undefined].flatMap(ownerKey)
    return type === 'put' && !controllerOf(pod) ? [...owners, ...this.#adoptersOf(pod)] : owners
  }

  async reconcile(key: string): Promise<number | undefined> {
    const set = this.#get(key)
    if (!set) return undefined
    const isEnding = set.metadata.deletionTimestamp !== undefined
    if (!isEnding) await this.#claimPods(set)
    const failure = isEnding ? undefined : await this.#scale(set)
    await this.#writeStatus(set, failure)
    if (failure) throw failure.error
    const { minReadySeconds = 0 } = set.spec
    return msUntilAvailable(minReadySeconds, this.#activePods(set), this.#parts.clock.now())
  }

  #get(key: string): ReplicaSet | undefined {
    const { namespace, name } = splitKey(key)
    return this.#parts.cache.get<ReplicaSet>(replicaSetKind, namespace, name)
  }

  #ownedPods(set: ReplicaSet): readonly Pod[] {
    return this.#parts.cache.ownedBy<Pod>(podKind, set.metadata)
  }

  #activePods(set: ReplicaSet): Pod[] {
    return this.#ownedPods(set).filter(isPodActive)
  }

  #adoptersOf({ metadata }: Pod): string[] {
    const sets = this.#parts.cache.list<ReplicaSet>(replicaSetKind, metadata.namespace)
    return sets.filter(set => matchesSelector(set.spec.selector, metadata.labels)).map(keyOf)
  }

  /** Takes in pods that the selector means and nobody controls, and lets go of those that it means no longer. */
  async #claimPods(set: ReplicaSet): Promise<void> {
    const isMeant = ({ metadata }: Pod): boolean => matchesSelector(set.spec.selector, metadata.labels)
    const orphans = this.#orphans.in(set.metadata.namespace ?? '').filter(pod => isPodActive(pod) && isMeant(pod))
    const strangers = this.#activePods(set).filter(pod => !isMeant(pod))
    const reference = controllerReference(set)
    const adopted = orphans.map(pod => withOwners(pod, [...(pod.metadata.ownerReferences ?? []), reference]))
    const released = strangers.map(pod =>
      withOwners(
        pod,
        (pod.metadata.ownerReferences ?? []).filter(owner => owner.uid !== reference.uid),
      ),
    )
    // Over the version that was judged: a pod that has changed since is judged again.
    await Promise.all([...adopted, ...released].map(pod => this.#writer.replace(pod)))
  }

  /** Resolves to what went wrong, after as much as possible was done. */
  async #scale(set: ReplicaSet): Promise<Failure | undefined> {
    const active = this.#activePods(set)
    const missing = (set.spec.replicas ?? 1) - active.length
    if (missing === 0) return undefined
    const burst = Math.min(Math.abs(missing), maxBurst)
    const victims = missing < 0 ? rankVictims(active, this.#relatedPods(set)).slice(0, burst) : []
    const work = missing > 0 ? Array.from({ length: burst }, () => this.#createPod(set)) : victims.map(this.#deletePod)
    const results = await Promise.allSettled(work)
    const verb = missing > 0 ? 'Create' : 'Delete'
    for (const result of results) {
      if (result.status === 'rejected') continue
      const message = `${verb}d pod: ${result.value.metadata.name}`
      this.#parts.events.record(set, { component, type: 'Normal', reason: `Successful${verb}`, message })
    }
    const failed = results.find(result => result.status === 'rejected')
    if (!failed) return undefined
    const message = `cannot ${verb.toLowerCase()} pod: because ${messageOf(failed.reason)}`
    this.#parts.events.record(set, { component, type: 'Warning', reason: `Failed${verb}`, message })
    return { reason: `Failed${verb}`, message, error: failed.reason }
  }

  #createPod(set: ReplicaSet): Promise<Pod> {
    return this.#writer.create(podFromTemplate(set, set.spec.template))
  }

  #deletePod = async (pod: Pod): Promise<Pod> => {
    await this.#writer.delete(pod)
    return pod
  }

  /** Active pods of all ReplicaSets of the same Deployment: of two on one node, either may go. */
  #relatedPods(set: ReplicaSet): Pod[] {
    const deployment = controllerOf(set)
    if (!deployment) return this.#activePods(set)
    const { namespace = '' } = set.metadata
    const siblings = this.#parts.cache.ownedBy<ReplicaSet>(replicaSetKind, { uid: deployment.uid, namespace })
    return siblings.flatMap(sibling => this.#activePods(sibling))
  }

  async #writeStatus(set: ReplicaSet, failure: Failure | undefined): Promise<void> {
    const { cache, clock } = this.#parts
    const { namespace = '', name, uid } = set.metadata
    const now = { nowMs: clock.now(), timestamp: timestamp(clock) }
    const conditions = failure && { failure: { reason: failure.reason, message: failure.message } }
    const status = replicaSetStatus(set, this.#activePods(set), { ...now, ...conditions })
    if (sameJson(status, cache.get<ReplicaSet>(replicaSetKind, namespace, name)?.status)) return
    await this.#writer.update<ReplicaSet>(
      { kind: replicaSetKind, namespace, name },
      current => (current.metadata.uid === uid ? { ...current, status } : undefined),
      observed,
    )
  }
}

function ownerKey(pod: Pod | undefined): string[] {
  const owner = pod && controllerOf(pod)
  return owner?.kind === replicaSetKind.kind ? [`${pod?.metadata.namespace}/${owner.name}`] : []
}

function withOwners(pod: Pod, ownerReferences: NonNullable<Pod['metadata']['ownerReferences']>): Pod {
  const { ownerReferences: _before, ...metadata } = pod.metadata
  return { ...pod, metadata: { ...metadata, ...(ownerReferences.length > 0 && { ownerReferences }) } }
}
