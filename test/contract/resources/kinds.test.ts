import test from 'ava'
import { apiVersionOf, findKind, findKindByName, kinds } from '../../../contract/resources/kinds.ts'

test('a kind is found by every name that people use', t => {
  for (const name of ['po', 'pod', 'pods', 'Pods', 'POD']) t.is(findKindByName(name)?.kind, 'Pod', name)
  t.is(findKindByName('deployments.apps')?.kind, 'Deployment')
  t.is(findKindByName('endpointslices.discovery.k8s.io')?.kind, 'EndpointSlice')
  t.is(findKindByName('pods.apps'), undefined)
  t.is(findKindByName('pots'), undefined)
})

test('a kind is found by its apiVersion, and only by that', t => {
  for (const kind of kinds) t.is(findKind(apiVersionOf(kind), kind.kind), kind)
  t.is(findKind('v1', 'Deployment'), undefined)
})

test('no two kinds share a name, and only what is measured is virtual', t => {
  const names = kinds.flatMap(({ plural, singular, shortNames }) => [plural, singular, ...shortNames])
  // The plural of NodeMetrics is its singular.
  t.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    ['nodemetrics'],
  )
  t.deepEqual(
    kinds.filter(kind => kind.virtual).map(({ kind }) => kind),
    ['NodeMetrics'],
  )
  t.deepEqual(
    kinds.filter(kind => !kind.namespaced).map(({ kind }) => kind),
    [
      ...['Namespace', 'Node', 'ClusterRole', 'ClusterRoleBinding'],
      ...['JoinToken', 'NodeIdentity', 'User', 'NodeMetrics'],
    ],
  )
})
