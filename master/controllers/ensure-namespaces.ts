/** The namespaces that every cluster has. */
import type { Namespace } from '../../contract/resources/core.ts'
import { hasCode } from '../../kit/errors.ts'
import type { Objects } from '../store/objects.ts'
import { namespaceKind } from './kinds.ts'

/** Cannot be deleted either. */
const clusterNamespaces: readonly string[] = ['default', 'kube-system']

export async function ensureNamespaces(objects: Objects): Promise<void> {
  for (const name of clusterNamespaces) {
    if (await objects.get(namespaceKind, undefined, name)) continue
    try {
      await objects.create(newNamespace(name))
    } catch (error) {
      // Somebody else was faster: it is there, which is all that was wanted.
      if (!hasCode(error, 'AlreadyExists')) throw error
    }
  }
}

/** The label is the one Kubernetes puts on every namespace, so that selectors can name it. */
function newNamespace(name: string): Namespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }
}
