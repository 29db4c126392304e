/** Finds the pod behind what a person names: a pod itself, or one of a deployment, a replica set, a service. */
import type { Kind } from '../contract/resources/kinds.ts'
import type { AnyObject, LabelSelector } from '../contract/resources/meta.ts'
import type { Pod } from '../contract/resources/pod.ts'
import { isPodActive, isPodReady } from '../contract/resources/pods.ts'
import { CodedError } from '../kit/errors.ts'
import type { Session } from './connect.ts'
import { kindNamed, parseOneResource, targetOf } from './resource-args.ts'
import { formatSelector } from './tables/common.ts'
import { UsageError } from './usage-error.ts'

/** `web-1`, `pod/web-1`, `deploy/web`, `svc/web`. Rejects when there is no such pod. */
export async function pickPod({ api, namespace }: Session, words: string[]): Promise<Pod> {
  const { kind, name } = parseOneResource(words, 'pods')
  const object = await api.get(targetOf(kind, namespace, name))
  if (kind.kind === 'Pod') return object as AnyObject & Pod
  const labelSelector = formatSelector(selectorIn(kind, object))
  const { items } = await api.list(targetOf(podKind(), namespace), { labelSelector })
  const [pod] = (items as Array<AnyObject & Pod>).sort(byUsefulness)
  if (pod) return pod
  throw new CodedError('NotFound', `cannot find a pod of ${kind.singular}/${name}: because none has its labels`)
}

export async function podsBySelector({ api, namespace }: Session, labelSelector: string): Promise<Pod[]> {
  const { items } = await api.list(targetOf(podKind(), namespace), { labelSelector })
  return items as Array<AnyObject & Pod>
}

function selectorIn(kind: Kind, object: AnyObject): LabelSelector {
  const selector = object.spec?.['selector'] as LabelSelector | Record<string, string> | undefined
  if (!selector) throw new UsageError(`cannot select pods of a ${kind.singular}: name a pod`)
  return kind.kind === 'Service' ? { matchLabels: selector as Record<string, string> } : (selector as LabelSelector)
}

/** Ready ones first, then the younger. */
function byUsefulness(a: Pod, b: Pod): number {
  const rank = (pod: Pod): number => (isPodReady(pod) ? 0 : isPodActive(pod) ? 1 : 2)
  const age = (pod: Pod): string => pod.metadata.creationTimestamp ?? ''
  return rank(a) - rank(b) || age(b).localeCompare(age(a))
}

function podKind(): Kind {
  return kindNamed('pods')
}
