/** The small pure helpers: conditions, taints, owners, hashes, field paths, likely words. */
import test from 'ava'
import fc from 'fast-check'
import { findCondition, setCondition } from '../../../contract/resources/conditions.ts'
import { joinPath, parsePath } from '../../../contract/resources/field-path.ts'
import { nearestTo } from '../../../contract/resources/nearest.ts'
import type { Taint } from '../../../contract/resources/node.ts'
import { controllerOf, controllerReference } from '../../../contract/resources/owners.ts'
import type { Toleration } from '../../../contract/resources/pod.ts'
import { findToleration, tolerates } from '../../../contract/resources/taints.ts'
import { podTemplateHash } from '../../../contract/resources/template-hash.ts'
import { pod, template } from './objects.ts'

const early = '2026-01-01T00:00:00Z'
const late = '2026-01-01T01:00:00Z'

test('the time of a condition moves only when its status changes', t => {
  const first = setCondition(undefined, { type: 'Ready', status: 'False', reason: 'Starting' }, early)
  const reworded = setCondition(first, { type: 'Ready', status: 'False', reason: 'Pulling' }, late)
  t.deepEqual(findCondition(reworded, 'Ready'), {
    type: 'Ready',
    status: 'False',
    reason: 'Pulling',
    lastTransitionTime: early,
  })
  const turned = setCondition(reworded, { type: 'Ready', status: 'True' }, late)
  t.is(findCondition(turned, 'Ready')?.lastTransitionTime, late)
  t.is(findCondition(reworded, 'Ready')?.status, 'False', 'the list that was given is left alone')
})

test('a condition keeps its place among others', t => {
  const list = setCondition(
    setCondition([], { type: 'A', status: 'True' }, early),
    { type: 'B', status: 'True' },
    early,
  )
  const changed = setCondition(list, { type: 'A', status: 'False' }, late)
  t.deepEqual(
    changed.map(({ type }) => type),
    ['A', 'B'],
  )
})

const taint: Taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' }
const tolerations: Array<[toleration: Toleration, covers: boolean]> = [
  [{ key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }, true],
  [{ key: 'gpu', value: 'yes' }, true],
  [{ key: 'gpu', operator: 'Exists' }, true],
  [{ operator: 'Exists' }, true],
  [{ operator: 'Exists', effect: 'NoExecute' }, false],
  [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }, false],
  [{ key: 'gpu', value: 'no' }, false],
  [{ key: 'gpu' }, false],
  [{ key: 'other', operator: 'Exists' }, false],
  [{}, false],
]

for (const [toleration, covers] of tolerations)
  test(`${JSON.stringify(toleration)} ${covers ? 'tolerates' : 'does not tolerate'} gpu=yes:NoSchedule`, t => {
    t.is(tolerates([toleration], taint), covers)
  })

test('a taint without a value is met by a toleration without one', t => {
  t.true(tolerates([{ key: 'down' }], { key: 'down', effect: 'NoExecute' }))
  t.false(tolerates(undefined, taint))
})

test('the toleration that is found says for how long', t => {
  const found = findToleration([{ key: 'x' }, { operator: 'Exists', tolerationSeconds: 5 }], taint)
  t.is(found?.tolerationSeconds, 5)
})

test('the controller is the one owner that says so', t => {
  const owner = pod({}, { metadata: { name: 'owner', uid: 'u-1' } })
  const reference = controllerReference(owner)
  t.is(reference.uid, 'u-1')
  const owned = pod(
    {},
    { metadata: { name: 'web', ownerReferences: [{ ...reference, controller: false }, reference] } },
  )
  t.is(controllerOf(owned), reference)
  t.is(controllerOf(pod()), undefined)
})

test('a hash depends on what the template says, not on the order in which it says it', t => {
  const { metadata, spec } = template({ restartPolicy: 'Always', hostNetwork: false })
  const { containers, restartPolicy, hostNetwork } = spec
  const turned = { spec: { hostNetwork, restartPolicy, containers }, metadata } as ReturnType<typeof template>
  const hash = podTemplateHash({ metadata, spec })
  t.is(podTemplateHash(turned), hash)
  t.regex(hash, /^[bcdfghjklmnpqrstvwxz2456789]{10}$/)
  t.not(podTemplateHash({ metadata, spec: { ...spec, hostname: 'x' } }), hash)
  t.not(podTemplateHash({ metadata, spec }, 1), hash, 'a collision leads to another')
})

test('the hash of a template stays what it is, or every Deployment would roll out anew', t => {
  t.is(podTemplateHash(template()), 'c9rrkq7s79')
})

test('a field path reads back as the steps that it was made of', t => {
  t.is(['spec', 'ports', 0, 'port'].reduce<string>(joinPath, ''), 'spec.ports[0].port')
  t.is(['metadata', 'labels', 'a.b/c'].reduce<string>(joinPath, ''), 'metadata.labels["a.b/c"]')
  const step = fc.oneof(fc.nat({ max: 50 }), fc.string())
  fc.assert(
    fc.property(fc.array(step), steps => {
      t.deepEqual(parsePath(steps.reduce<string>(joinPath, '')), steps)
    }),
  )
})

test('a misspelt word finds the one that was meant, and nonsense finds none', t => {
  const words = ['containers', 'initContainers', 'restartPolicy', 'hostname']
  t.deepEqual(nearestTo('container', words), ['containers'])
  t.deepEqual(nearestTo('restartpolicy', words), ['restartPolicy'])
  t.deepEqual(nearestTo('hostnmae', words), ['hostname'])
  t.deepEqual(nearestTo('tpye', ['port', 'type']), ['type'], 'neighbours that changed places are one slip')
  t.deepEqual(nearestTo('zzz', words), [])
  t.deepEqual(nearestTo('x'.repeat(10_000), words), [])
})
