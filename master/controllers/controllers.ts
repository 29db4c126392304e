/** All controllers of a master, from `start` to `stop`. They know nothing of each other: they meet in the store. */
import type { Controller } from './controller.ts'
import { ControllerRunner } from './controller.ts'
import { DeploymentController } from './deployment-controller.ts'
import { EndpointsController } from './endpoints-controller.ts'
import { ensureNamespaces } from './ensure-namespaces.ts'
import { ensureRbac } from './ensure-rbac.ts'
import { GarbageCollector } from './garbage-collector.ts'
import { NodeLifecycleController } from './node-lifecycle-controller.ts'
import { NodeReach } from './node-reach.ts'
import { ReplicaSetController } from './replicaset-controller.ts'
import type { ControllersParts } from './room.ts'
import { ScheduleController } from './schedule-controller.ts'
import { ServiceAccountController } from './service-account-controller.ts'

export class Controllers {
  readonly name = 'controllers'
  #parts: ControllersParts
  #reach: NodeReach | undefined
  #runners: ControllerRunner[] = []

  constructor(parts: ControllersParts) {
    this.#parts = parts
  }

  /** The cache must have been started before. */
  async start(): Promise<void> {
    await ensureNamespaces(this.#parts.objects)
    await ensureRbac(this.#parts.objects)
    const reach = new NodeReach(this.#parts)
    reach.start()
    this.#reach = reach
    this.#runners = listControllers(this.#parts, reach).map(each => new ControllerRunner(each, this.#parts))
    for (const runner of this.#runners) runner.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#runners.splice(0).map(runner => runner.stop()))
    this.#reach?.stop()
  }

  /** Resolves when no controller has anything to do now. */
  async idle(): Promise<void> {
    await Promise.all(this.#runners.map(runner => runner.idle()))
  }
}

/** What answers a lost board comes first, so that it hears of it first. */
function listControllers(parts: ControllersParts, reach: NodeReach): Controller[] {
  const withReach = { ...parts, reach }
  return [
    new EndpointsController(withReach),
    new NodeLifecycleController(withReach),
    new ReplicaSetController(parts),
    new ScheduleController(withReach),
    new DeploymentController(parts),
    new ServiceAccountController(parts),
    new GarbageCollector(parts),
  ]
}
