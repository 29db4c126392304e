/** A pod as its owner's template says it, before it has a name or a node. Pure. */
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import { controllerReference } from '../../contract/resources/owners.ts'
import type { Pod, PodTemplate } from '../../contract/resources/pod.ts'

export function podFromTemplate(owner: KubernetesObject, template: PodTemplate): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      // The store finds a free name from `generateName`.
      name: '',
      generateName: `${owner.metadata.name}-`,
      ...(owner.metadata.namespace !== undefined && { namespace: owner.metadata.namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: template.spec,
    status: { phase: 'Pending' },
  }
}
