/**
 * What a node may do by being one: look at its own Node, at the pods bound to it, and at what these mention; and get tokens in
 * the name of their service accounts. It writes nothing: what it observes, it reports on its own topics.
 */
import { mentionsOf } from '../../contract/resources/mentions.ts'
import type { Pod } from '../../contract/resources/pod.ts'
import { flotillaGroup } from '../../contract/resources/trust.ts'
import type { ReviewAttributes } from '../../contract/wire/api.ts'
import { defaultServiceAccount } from './asker.ts'

/** What is known of pods and of the secrets by which their service accounts pull images. */
export interface NodeView {
  podsOn(node: string): readonly Pod[]
  /** Names of secrets. */
  pullSecretsOf(namespace: string, serviceAccount: string): readonly string[]
}

const readVerbs = ['get', 'list', 'watch']

/** Why it may; undefined when it may not. A list or a watch counts as one of the single object that it names. */
export function decideForNode(view: NodeView, node: string, attributes: ReviewAttributes): string | undefined {
  const { verb, group, resource, subresource, name } = attributes
  if (subresource !== undefined || name === undefined || !readVerbs.includes(verb)) return undefined
  if (group === flotillaGroup) return resource === 'nodeidentities' && name === node ? ownReason : undefined
  if (group !== '') return undefined
  if (resource === 'nodes') return name === node ? ownReason : undefined
  const concerns = view.podsOn(node).find(pod => concernsPod(view, pod, attributes))
  return concerns && `pod "${concerns.metadata.namespace}/${concerns.metadata.name}" is bound to this node`
}

const ownReason = 'a node may read what it is itself'

function concernsPod(view: NodeView, pod: Pod, { resource, namespace, name = '' }: ReviewAttributes): boolean {
  if (pod.metadata.namespace !== namespace) return false
  if (resource === 'pods') return pod.metadata.name === name
  const serviceAccount = serviceAccountOf(pod)
  const { secrets, configMaps } = mentionsOf(pod.spec)
  if (resource === 'serviceaccounts') return serviceAccount === name
  if (resource === 'configmaps') return configMaps.has(name)
  if (resource !== 'secrets') return false
  return secrets.has(name) || view.pullSecretsOf(namespace ?? '', serviceAccount).includes(name)
}

export interface TokenWish {
  namespace: string
  serviceAccount: string
  pod: { name: string; uid: string } | undefined
}

/** May the node have a token of a service account? Only one that is bound to a pod which it runs under that account. */
export function mayHaveToken(view: NodeView, node: string, { namespace, serviceAccount, pod }: TokenWish): boolean {
  return view.podsOn(node).some(({ metadata, spec }) => {
    const isMeant = metadata.namespace === namespace && metadata.name === pod?.name && metadata.uid === pod.uid
    return isMeant && serviceAccountOf({ spec }) === serviceAccount
  })
}

/** The account that a pod runs as. */
function serviceAccountOf({ spec }: Pick<Pod, 'spec'>): string {
  return spec.serviceAccountName || defaultServiceAccount
}
