import test from 'ava'
import { isPrivileged, resolveSecurity, type SecurityFacts } from '../../../agent/reconcile/security.ts'
import type { ContainerSecurity } from '../../../agent/runtime/runtime.ts'
import type { PodSecurityContext, SecurityContext } from '../../../contract/resources/security.ts'
import { CodedError } from '../../../kit/errors.ts'
import { spec, wishOf } from './fixtures.ts'

interface Asked {
  pod?: PodSecurityContext
  own?: SecurityContext
  facts?: Partial<SecurityFacts>
}

function resolve({ pod, own, facts = {} }: Asked = {}): ContainerSecurity {
  const container = spec('main', own ? { securityContext: own } : {})
  const wish = wishOf([container], { spec: pod ? { securityContext: pod } : {} })
  return resolveSecurity(wish, container, {
    ...{ image: { user: 0 }, hasSeccomp: true, seccompProfiles: '/data/seccomp', ...facts },
  })
}

test('who asks for nothing gains no privileges, has a seccomp filter, and runs as its image says', t => {
  t.deepEqual(resolve(), {
    ...{ privileged: false, allowPrivilegeEscalation: false, readOnlyRootfs: false },
    ...{ supplementalGroups: [], capabilities: { add: [], drop: [] }, seccomp: 'RuntimeDefault' },
  })
})

test("a container's own word counts more than its pod's", t => {
  const pod: PodSecurityContext = { runAsUser: 1, runAsGroup: 2, seccompProfile: { type: 'Unconfined' } }
  t.like(resolve({ pod }), { runAsUser: 1, runAsGroup: 2, seccomp: 'Unconfined' })
  const own: SecurityContext = { runAsUser: 0, seccompProfile: { type: 'RuntimeDefault' } }
  t.like(resolve({ pod, own }), { runAsUser: 0, runAsGroup: 2, seccomp: 'RuntimeDefault' })
})

test('groups of the pod are those of its processes, each once', t => {
  const pod = { fsGroup: 7, supplementalGroups: [8, 7] }
  t.deepEqual(resolve({ pod }).supplementalGroups, [8, 7])
})

test('a group without a user is for the user of the image, by number or by name', t => {
  for (const user of [0, 33, 'nginx']) {
    t.like(resolve({ own: { runAsGroup: 5 }, facts: { image: { user } } }), { runAsUser: user, runAsGroup: 5 })
  }
})

for (const [title, own, image, refused] of [
  ['a number of its own', { runAsUser: 5 }, 0, undefined],
  ['the number of its image', {}, 33, undefined],
  ['root by itself', { runAsUser: 0 }, 33, "container's runAsUser breaks non-root policy"],
  ['root by its image', {}, 0, 'container has runAsNonRoot and image will run as root'],
  [
    'a name of its image',
    {},
    'nginx',
    'container has runAsNonRoot and image has non-numeric user (nginx), cannot verify user is non-root',
  ],
] as Array<[string, SecurityContext, number | string, string | undefined]>) {
  test(`runAsNonRoot with ${title} is ${refused ? 'refused' : 'fine'}`, t => {
    for (const asked of [{ own: { ...own, runAsNonRoot: true } }, { pod: { runAsNonRoot: true }, own }]) {
      const run = () => resolve({ ...asked, facts: { image: { user: image } } })
      if (refused) t.is(t.throws(run, { instanceOf: CodedError })?.message, refused)
      else t.notThrows(run)
    }
  })
}

test('a container may be root although its pod may not, when it says so', t => {
  t.notThrows(() => resolve({ pod: { runAsNonRoot: true }, own: { runAsNonRoot: false } }))
})

for (const [title, own, escalates] of [
  ['asks for it', { allowPrivilegeEscalation: true }, true],
  ['asks not to', { allowPrivilegeEscalation: false }, false],
  ['is privileged', { privileged: true }, true],
  ['has SYS_ADMIN', { capabilities: { add: ['CAP_SYS_ADMIN'] } }, true],
  ['has all capabilities', { capabilities: { add: ['all'] } }, true],
  ['has another capability', { capabilities: { add: ['NET_ADMIN'] } }, false],
] as Array<[string, SecurityContext, boolean]>) {
  test(`a container that ${title} ${escalates ? 'may' : 'may not'} gain privileges`, t =>
    t.is(resolve({ own }).allowPrivilegeEscalation, escalates))
}

test('capabilities are named as the runtime names them', t => {
  const capabilities = { add: ['CAP_NET_ADMIN', 'sys_time'], drop: ['ALL'] }
  t.deepEqual(resolve({ own: { capabilities } }).capabilities, { add: ['NET_ADMIN', 'SYS_TIME'], drop: ['ALL'] })
})

test('a profile of the board is a file below its directory', t => {
  const seccompProfile = { type: 'Localhost' as const, localhostProfile: 'web/strict.json' }
  t.deepEqual(resolve({ pod: { seccompProfile } }).seccomp, { path: '/data/seccomp/web/strict.json' })
  t.is(resolve({ pod: { seccompProfile }, own: { privileged: true } }).seccomp, 'Unconfined')
})

test('where the kernel has no seccomp, who asks for it is refused, and who does not starts without', t => {
  const facts = { hasSeccomp: false }
  t.is(resolve({ facts }).seccomp, 'RuntimeDefault')
  const own: SecurityContext = { seccompProfile: { type: 'RuntimeDefault' } }
  t.throws(() => resolve({ own, facts }), { instanceOf: CodedError, message: /no seccomp/ })
  t.is(resolve({ own: { seccompProfile: { type: 'Unconfined' } }, facts }).seccomp, 'Unconfined')
})

test('one privileged container makes a privileged sandbox', t => {
  t.false(isPrivileged(wishOf([spec()])))
  t.true(isPrivileged(wishOf([spec(), spec('side', { securityContext: { privileged: true } })])))
})
