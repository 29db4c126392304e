import test from 'ava'
import { mentionsOf } from '../../../contract/resources/mentions.ts'
import type { PodSpec } from '../../../contract/resources/pod.ts'
import { container } from './objects.ts'

const found = (spec: object): [secrets: string[], configMaps: string[]] => {
  const { secrets, configMaps } = mentionsOf({ containers: [container()], ...spec } as PodSpec)
  return [[...secrets].sort(), [...configMaps].sort()]
}

test('every way to mention one is found, in init containers too', t => {
  const env = (kind: string, name: string): object => ({ name: 'X', valueFrom: { [kind]: { name, key: 'k' } } })
  const spec = {
    initContainers: [{ ...container(), env: [env('secretKeyRef', 's1'), env('configMapKeyRef', 'c1')] }],
    containers: [
      { ...container(), env: [env('secretKeyRef', 's2')], envFrom: [{ secretRef: { name: 's3' } }] },
      { ...container(), envFrom: [{ configMapRef: { name: 'c2' } }] },
    ],
    volumes: [
      { name: 'a', secret: { secretName: 's4' } },
      { name: 'b', configMap: { name: 'c3' } },
      { name: 'c', projected: { sources: [{ secret: { name: 's5' } }, { configMap: { name: 'c4' } }] } },
    ],
    imagePullSecrets: [{ name: 's6' }],
  }
  t.deepEqual(found(spec), [
    ['s1', 's2', 's3', 's4', 's5', 's6'],
    ['c1', 'c2', 'c3', 'c4'],
  ])
})

test('what only looks like it mentions nothing', t => {
  const spec = {
    containers: [
      {
        ...container(),
        env: [
          { name: 'A', value: 'secretKeyRef' },
          { name: 'B', valueFrom: { fieldRef: {} } },
        ],
      },
    ],
    volumes: [
      { name: 'a', emptyDir: {} },
      { name: 'b', secret: {} },
      { name: 'c', projected: {} },
    ],
    imagePullSecrets: [{}, { name: '' }],
  }
  t.deepEqual(found(spec), [[], []])
})

test('a pod of a shape that nobody checked is read all the same', t => {
  const spec = { containers: [null, 'x', { env: 5, envFrom: [null] }], volumes: 'x', imagePullSecrets: [5] }
  t.deepEqual(found(spec), [[], []])
})
