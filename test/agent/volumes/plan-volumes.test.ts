import test from 'ava'
import { planMounts, planVolumes } from '../../../agent/volumes/plan-volumes.ts'
import { serviceAccountPath } from '../../../contract/resources/volume.ts'
import { spec, wishOf } from '../reconcile/fixtures.ts'

const automount = { automountServiceAccountToken: true }

test('a pod finds its service account in each container, as Kubernetes has it', t => {
  const pod = wishOf([spec('a'), spec('b')], { spec: automount })
  const [own, ...others] = planVolumes(pod).files
  t.deepEqual(others, [])
  t.deepEqual(
    own?.sources.map(source => ('path' in source ? source.path : source.items?.[0]?.path)),
    ['token', 'ca.crt', 'namespace'],
  )
  for (const container of pod.spec.containers) {
    t.deepEqual(planMounts(pod, container), [{ name: own?.name ?? '', mountPath: serviceAccountPath, readOnly: true }])
  }
})

test('no name of a manifest can be that of our own volume', t => {
  const [own] = planVolumes(wishOf([spec()], { spec: automount })).files
  t.regex(own?.name ?? '', /_/)
})

for (const automountServiceAccountToken of [false, undefined]) {
  test(`with automountServiceAccountToken ${automountServiceAccountToken} there is no token`, t => {
    const pod = wishOf([spec()], {
      spec: automountServiceAccountToken === undefined ? {} : { automountServiceAccountToken },
    })
    t.deepEqual(planVolumes(pod), { files: [], empty: [] })
    t.deepEqual(planMounts(pod, pod.spec.containers[0]!), [])
  })
}

test('what a manifest mounts in that place stays', t => {
  const mount = { name: 'mine', mountPath: `${serviceAccountPath}/` }
  const pod = wishOf([spec('main', { volumeMounts: [mount] })], {
    spec: { ...automount, volumes: [{ name: 'mine', emptyDir: {} }] },
  })
  t.deepEqual(planMounts(pod, pod.spec.containers[0]!), [mount])
  t.deepEqual(planVolumes(pod), { files: [], empty: ['mine'] })
})

test('volumes that are no files of the cluster are left out', t => {
  const volumes = [
    { name: 'a', hostPath: { path: '/etc' } },
    { name: 'b', emptyDir: {} },
  ]
  t.deepEqual(planVolumes(wishOf([spec()], { spec: { volumes } })), { files: [], empty: ['b'] })
})
