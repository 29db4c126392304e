import test from 'ava'
import { applyDefaults } from '../../../contract/resources/defaults.ts'
import type { Container, PodSpec } from '../../../contract/resources/pod.ts'
import { validateObject } from '../../../contract/resources/validate.ts'
import { container, pod } from './objects.ts'

const check = (spec: Record<string, unknown>): string[] =>
  validateObject(applyDefaults(pod(spec as Partial<PodSpec>))).map(({ path, message }) => `${path}: ${message}`)
const checkPod = (securityContext: Record<string, unknown>): string[] =>
  check({ securityContext }).map(text => text.replace('spec.securityContext.', ''))
const checkContainer = (securityContext: Record<string, unknown>): string[] =>
  check({ containers: [container({ securityContext } as Partial<Container>)] }).map(text =>
    text.replace('spec.containers[0].securityContext.', ''),
  )

test('security contexts in all their forms are right', t => {
  t.deepEqual(checkPod({ runAsUser: 0, runAsGroup: 1000, fsGroup: 2000, supplementalGroups: [3000] }), [])
  t.deepEqual(checkPod({ seccompProfile: { type: 'Localhost', localhostProfile: 'profiles/fine.json' } }), [])
  t.deepEqual(checkContainer({ capabilities: { add: ['NET_ADMIN', 'CAP_SYS_TIME'], drop: ['ALL', 'net_raw'] } }), [])
  t.deepEqual(checkContainer({ privileged: true, allowPrivilegeEscalation: true }), [])
})

for (const [what, security, problem] of [
  ['a user below 0', { runAsUser: -1 }, 'runAsUser: must be between 0 and 2147483647, not -1'],
  ['a group above all', { runAsGroup: 2 ** 31 }, /^runAsGroup: must be between /],
  [
    'an unknown profile',
    { seccompProfile: { type: 'runtimeDefault' } },
    /^seccompProfile\.type: .*did you mean RuntimeDefault/,
  ],
  ['a profile of nobody', { seccompProfile: { type: 'Localhost' } }, 'seccompProfile.localhostProfile: is required'],
  [
    'a profile from elsewhere on the board',
    { seccompProfile: { type: 'Localhost', localhostProfile: '../../etc/x.json' } },
    /^seccompProfile\.localhostProfile: must not hold "\.\."/,
  ],
  [
    'a file that is not asked for',
    { seccompProfile: { type: 'Unconfined', localhostProfile: 'a' } },
    /^seccompProfile\.localhostProfile: must be left out/,
  ],
] as Array<[string, Record<string, unknown>, string | RegExp]>) {
  test(`${what} is refused, in a pod as in a container`, t => {
    for (const problems of [checkPod(security), checkContainer(security)]) {
      t.is(problems.length, 1, problems.join('\n'))
      if (typeof problem === 'string') t.is(problems[0], problem)
      else t.regex(problems[0] ?? '', problem)
    }
  })
}

test('a misspelt capability would be kept where it was to be dropped: it is refused, and the right one told', t => {
  t.deepEqual(checkContainer({ capabilities: { drop: ['NET_ADMN'] } }).length, 1)
  t.regex(checkContainer({ capabilities: { drop: ['NET_ADMN'] } })[0] ?? '', /^capabilities\.drop\[0\].*NET_ADMIN\?$/)
})

test('what gives all rights cannot be asked not to', t => {
  for (const more of [{ privileged: true }, { capabilities: { add: ['CAP_SYS_ADMIN'] } }]) {
    const [problem = ''] = checkContainer({ allowPrivilegeEscalation: false, ...more })
    t.regex(problem, /^allowPrivilegeEscalation: cannot be false/)
  }
})

test('groups of a pod are numbers of groups', t => {
  t.deepEqual(checkPod({ supplementalGroups: [1, -1] }).length, 1)
  t.regex(checkPod({ fsGroup: -1 })[0] ?? '', /^fsGroup: /)
})
