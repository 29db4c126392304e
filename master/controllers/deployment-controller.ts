/** Rolls Deployments out: makes a ReplicaSet for each new template and moves replicas from the old ones to it. */
import { controllerOf } from '../../contract/resources/owners.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { isPodFinished } from '../../contract/resources/pods.ts'
import { type Deployment, type ReplicaSet, revisionAnnotation } from '../../contract/resources/workloads.ts'
import { timestamp } from '../../kit/clock.ts'
import { hasCode } from '../../kit/errors.ts'
import type { Change } from '../store/cache.ts'
import { sameJson } from '../store/same-json.ts'
import type { Controller } from './controller.ts'
import { deploymentStatus, msUntilDeadline } from './deployment-status.ts'
import { keyOf, splitKey } from './keys.ts'
import { deploymentKind, podKind, replicaSetKind } from './kinds.ts'
import { newReplicaSet, replicaSetAnnotations } from './new-replicaset.ts'
import { planRollout, type RolloutPlan } from './plan-rollout.ts'
import { isRolledOut, type Resize, saysRolledOut, sum, wantedReplicas } from './replica-counts.ts'
import { expiredReplicaSets, findNewReplicaSet, revisionOf, revisionOfNew } from './replicaset-revisions.ts'
import type { ControllersParts } from './room.ts'
import { observed, Writer } from './writer.ts'

/** The source of this controller's events. */
const component = 'deployment-controller'

interface Generations {
  all: readonly ReplicaSet[]
  newSet: ReplicaSet | undefined
  oldSets: ReplicaSet[]
}

export class DeploymentController implements Controller {
  readonly name = 'deployment'
  #parts: ControllersParts
  #writer: Writer

  constructor(parts: ControllersParts) {
    this.#parts = parts
    this.#writer = new Writer(parts)
  }

  keysOf({ kind, type, object }: Change): string[] {
    if (kind === deploymentKind) return [keyOf(object)]
    if (kind === replicaSetKind) return ownerKey(object as unknown as ReplicaSet)
    if (kind !== podKind) return []
    // `Recreate` waits for the end of the old pods, which no ReplicaSet counts any more.
    const pod = object as unknown as Pod
    const owner = type === 'delete' || isPodFinished(pod) ? controllerOf(pod) : undefined
    const set = owner && this.#parts.cache.get<ReplicaSet>(replicaSetKind, pod.metadata.namespace, owner.name)
    return set ? ownerKey(set) : []
  }

  async reconcile(key: string): Promise<number | undefined> {
    const deployment = this.#get(key)
    if (!deployment || deployment.metadata.deletionTimestamp !== undefined) return undefined
    const before = this.#generations(deployment)
    const plan = planRollout({ ...before, deployment, oldPodsRunning: this.#countRunning(before.oldSets) })
    const outcome = await this.#create(deployment, before, plan)
    await this.#updateSets(deployment, before, plan.scale)
    await this.#writeStatus(deployment, outcome)
    const written = this.#get(key)
    if (written && isRolledOut(written) && saysRolledOut(written)) await this.#removeExpired(written)
    return written && msUntilDeadline(written, this.#parts.clock.now())
  }

  #get(key: string): Deployment | undefined {
    const { namespace, name } = splitKey(key)
    return this.#parts.cache.get<Deployment>(deploymentKind, namespace, name)
  }

  #generations(deployment: Deployment): Generations {
    const all = this.#parts.cache.ownedBy<ReplicaSet>(replicaSetKind, deployment.metadata)
    const newSet = findNewReplicaSet(deployment, all)
    return { all, newSet, oldSets: all.filter(set => set !== newSet) }
  }

  #countRunning(sets: readonly ReplicaSet[]): number {
    return sum(sets, ({ metadata }) => {
      const pods = this.#parts.cache.ownedBy<Pod>(podKind, metadata)
      return pods.filter(pod => !isPodFinished(pod)).length
    })
  }

  /** Makes the new ReplicaSet; where its name is taken by another template, the next try gets another hash. */
  async #create(
    deployment: Deployment,
    { newSet, all }: Generations,
    { create }: RolloutPlan,
  ): Promise<{ created: boolean; collisionCount: number }> {
    const collisions = deployment.status?.collisionCount ?? 0
    if (!create) return { created: false, collisionCount: collisions }
    const revision = revisionOfNew(newSet, all)
    const set = newReplicaSet(deployment, { replicas: create.replicas, revision, collisions })
    try {
      await this.#writer.create(set)
    } catch (error) {
      if (!hasCode(error, 'AlreadyExists')) throw error
      return { created: false, collisionCount: collisions + 1 }
    }
    this.#recordScaling(deployment, { set, from: 0, to: create.replicas })
    return { created: true, collisionCount: collisions }
  }

  /** New sizes, and what the Deployment notes on its ReplicaSets, in one commit: never half of a move. */
  async #updateSets(deployment: Deployment, { all, newSet }: Generations, scale: Resize[]): Promise<void> {
    const sizes = new Map(scale.map(({ set, replicas }) => [set, replicas]))
    const changed = all
      .map(set => ({ set, next: nextSet(deployment, set, { replicas: sizes.get(set), newSet, all }) }))
      .filter(({ set, next }) => !sameJson(set, next))
    if (changed.length === 0) return
    await this.#writer.replaceAll(changed.map(({ next }) => next))
    for (const { set, replicas } of scale) {
      this.#recordScaling(deployment, { set, from: wantedReplicas(set), to: replicas })
    }
  }

  async #writeStatus(deployment: Deployment, outcome: { created: boolean; collisionCount: number }): Promise<void> {
    const { clock } = this.#parts
    const { newSet, oldSets } = this.#generations(deployment)
    const now = { nowMs: clock.now(), timestamp: timestamp(clock) }
    const status = deploymentStatus({ deployment, newSet, oldSets, ...outcome, ...now })
    const revision = newSet ? { [revisionAnnotation]: String(revisionOf(newSet)) } : {}
    const change = (current: Deployment): Deployment => {
      const annotations = { ...current.metadata.annotations, ...revision }
      return { ...current, metadata: { ...current.metadata, annotations }, status }
    }
    const present = deployment.metadata.annotations?.[revisionAnnotation]
    const isDurable = present !== revision[revisionAnnotation] || outcome.collisionCount > 0
    if (sameJson(change(deployment), deployment)) return
    const { namespace = '', name, uid } = deployment.metadata
    await this.#writer.update<Deployment>(
      { kind: deploymentKind, namespace, name },
      current => (current.metadata.uid === uid ? change(current) : undefined),
      isDurable ? {} : observed,
    )
  }

  async #removeExpired(deployment: Deployment): Promise<void> {
    const expired = expiredReplicaSets(deployment, this.#generations(deployment).oldSets)
    await Promise.all(expired.map(set => this.#writer.delete(set)))
  }

  #recordScaling(deployment: Deployment, { set, from, to }: { set: ReplicaSet; from: number; to: number }): void {
    const direction = to > from ? 'up' : 'down'
    const message = `Scaled ${direction} replica set ${set.metadata.name} from ${from} to ${to}`
    this.#parts.events.record(deployment, { component, type: 'Normal', reason: 'ScalingReplicaSet', message })
  }
}

/** The set as the Deployment wants it now: size, notes, and for the newest its revision. */
function nextSet(
  deployment: Deployment,
  set: ReplicaSet,
  { replicas = wantedReplicas(set), newSet, all }: Omit<Generations, 'oldSets'> & { replicas: number | undefined },
): ReplicaSet {
  const isNew = set === newSet
  if (!isNew && replicas === 0 && wantedReplicas(set) === 0) return set
  const { annotations: present = {} } = set.metadata
  const revision = isNew ? { revision: revisionOfNew(newSet, all) } : {}
  const { minReadySeconds } = deployment.spec
  return {
    ...set,
    metadata: { ...set.metadata, annotations: replicaSetAnnotations(deployment, { ...revision, present }) },
    spec: { ...set.spec, replicas, ...(isNew && minReadySeconds !== undefined && { minReadySeconds }) },
  }
}

function ownerKey(set: ReplicaSet): string[] {
  const owner = controllerOf(set)
  return owner?.kind === deploymentKind.kind ? [`${set.metadata.namespace}/${owner.name}`] : []
}
