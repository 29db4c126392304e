/** Sees to it that each namespace has the service account `default`, which pods run as that name none. */
import type { Namespace, ServiceAccount } from '../../contract/resources/core.ts'
import type { Change } from '../store/cache.ts'
import type { Controller } from './controller.ts'
import { namespaceKind, serviceAccountKind } from './kinds.ts'
import type { ControllersParts } from './room.ts'
import { Writer } from './writer.ts'

const accountName = 'default'

/** Keys are names of namespaces. */
export class ServiceAccountController implements Controller {
  readonly name = 'service-account'
  #parts: ControllersParts
  #writer: Writer

  constructor(parts: ControllersParts) {
    this.#parts = parts
    this.#writer = new Writer(parts)
  }

  keysOf({ kind, type, object }: Change): string[] {
    if (kind === namespaceKind) return type === 'put' ? [object.metadata.name] : []
    const isGone = kind === serviceAccountKind && type === 'delete' && object.metadata.name === accountName
    return isGone ? [object.metadata.namespace ?? ''] : []
  }

  async reconcile(key: string): Promise<undefined> {
    const { cache } = this.#parts
    const namespace = cache.get<Namespace>(namespaceKind, undefined, key)
    if (!namespace || namespace.metadata.deletionTimestamp !== undefined) return
    if (cache.get(serviceAccountKind, key, accountName)) return
    const account: ServiceAccount = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: accountName, namespace: key },
    }
    await this.#writer.create(account)
  }
}
