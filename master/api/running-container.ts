/** Finds the container that a log or an exec means, and the node that runs it. */
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { ContainerStatus, Pod } from '../../contract/resources/pod.ts'
import type { Target } from '../../contract/wire/api.ts'
import type { PodTarget } from '../../contract/wire/node-request.ts'
import { badRequest } from './refusals.ts'
import type { Room } from './room.ts'
import { namedBy } from './target.ts'
import { readObject } from './verbs/get.ts'

/** Kubernetes' well-known annotation: the container that `logs` and `exec` mean when none is named. */
const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container'

export interface FoundContainer {
  node: string
  pod: PodTarget
  container: string
  status: ContainerStatus | undefined
  phase: string
}

export async function findContainer(room: Room, target: Target, wanted: string | undefined): Promise<FoundContainer> {
  const named = namedBy(target)
  if (named.kind.kind !== 'Pod') throw badRequest(`${named.kind.plural} have no containers: name a pod`)
  const pod = (await readObject(room, named)) as AnyObject & Pod
  const { namespace = 'default', name, uid = '' } = pod.metadata
  const container = pickContainer(pod, wanted)
  const node = pod.spec.nodeName
  if (!node) throw badRequest(`pod ${name} does not have a host assigned`)
  const status = pod.status?.containerStatuses?.find(candidate => candidate.name === container)
  return { node, pod: { namespace, name, uid }, container, status, phase: pod.status?.phase ?? 'Pending' }
}

function pickContainer(pod: Pod, wanted: string | undefined): string {
  const names = pod.spec.containers.map(container => container.name)
  const picked = wanted ?? pod.metadata.annotations?.[defaultContainerAnnotation] ?? names[0] ?? ''
  if (names.includes(picked)) return picked
  const choices = `choose one of: [${names.join(' ')}]`
  throw badRequest(`container ${picked} is not valid for pod ${pod.metadata.name}, ${choices}`)
}
