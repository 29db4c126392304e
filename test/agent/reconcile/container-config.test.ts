import test from 'ava'
import {
  podCgroup,
  renderContainer,
  renderHosts,
  renderSandbox,
  specHash,
} from '../../../agent/reconcile/container-config.ts'
import { crashesAnnotation, graceAnnotation, specHashAnnotation } from '../../../agent/reconcile/steps.ts'
import type { ContainerConfig, ContainerResources } from '../../../agent/runtime/runtime.ts'
import type { Container } from '../../../contract/resources/pod.ts'
import { spec, type WishOptions, wishOf } from './fixtures.ts'

const paths = {
  podLogs: '/var/log/pods',
  podFiles: '/data/pods',
  cgroupParent: '/flotilla',
  seccompProfiles: '/data/seccomp',
}

function render(container: Partial<Container>, options: WishOptions = {}): ContainerConfig {
  const of = spec('main', container)
  const pod = wishOf([of], options)
  const about = {
    podIP: '10.244.1.5',
    hostIP: '192.168.0.9',
    nodeName: 'board-1',
    configMaps: new Map(),
    secrets: new Map(),
    services: [],
  }
  return renderContainer({
    ...{ container: of, attempt: 3, crashes: 2, sources: { pod, ...about } },
    ...{ hostsPath: '/data/pods/uid-web/hosts', volumes: [] },
  })
}

const uid = '0f6a2b7c-1d2e-4f30-8a9b-0123456789ab'
for (const [parent, expected] of [
  ['/flotilla', `/flotilla/pod${uid}`],
  ['/flotilla/board-1', `/flotilla/board-1/pod${uid}`],
  ['flotilla.slice', `flotilla-pod${uid.replaceAll('-', '_')}.slice`],
  ['flotilla-board.slice', `flotilla-board-pod${uid.replaceAll('-', '_')}.slice`],
] as const) {
  test(`a pod under ${parent} has the cgroup ${expected}`, t => t.is(podCgroup(parent, uid), expected))
}

test('a slice of a pod is a child of its parent, as systemd reads dashes', t => {
  const slice = podCgroup('flotilla.slice', uid)
  t.is(`${slice.slice(0, slice.lastIndexOf('-'))}.slice`, 'flotilla.slice')
})

test('a sandbox is named, labelled and placed as its pod says', t => {
  const pod = wishOf([spec()], { metadata: { labels: { app: 'web' } }, spec: { terminationGracePeriodSeconds: 5 } })
  t.deepEqual(renderSandbox(pod, 2, paths), {
    ...{ namespace: 'default', name: 'web', uid: 'uid-web', attempt: 2, hostname: 'web', hostNetwork: false },
    logDirectory: '/var/log/pods/default_web_uid-web',
    cgroupParent: '/flotilla/poduid-web',
    labels: { app: 'web' },
    annotations: { [graceAnnotation]: '5' },
  })
})

test('a hostname is the one that the pod asks for, else its name as far as a hostname may go', t => {
  t.is(renderSandbox(wishOf([spec()], { spec: { hostname: 'db' } }), 0, paths).hostname, 'db')
  t.is(renderSandbox(wishOf([spec()], { metadata: { name: 'x'.repeat(80) } }), 0, paths).hostname, 'x'.repeat(63))
})

for (const [title, resources, expected] of [
  ['nothing promised: least shares, first to go', {}, { cpuShares: 2, oomScoreAdj: 1000 }],
  ['requests only', { requests: { cpu: '250m', memory: '64Mi' } }, { cpuShares: 256, oomScoreAdj: 500 }],
  [
    'limits only: they are the requests too',
    { limits: { cpu: '500m', memory: '64Mi' } },
    {
      ...{ cpuShares: 512, cpuQuotaMicroseconds: 50_000, cpuPeriodMicroseconds: 100_000 },
      ...{ memoryLimitBytes: 64 * 2 ** 20, oomScoreAdj: -997 },
    },
  ],
  [
    'equal amounts in other words',
    { requests: { memory: '65536Ki' }, limits: { memory: '64Mi' } },
    { cpuShares: 2, memoryLimitBytes: 64 * 2 ** 20, oomScoreAdj: -997 },
  ],
  [
    'more allowed than promised',
    { requests: { memory: '32Mi' }, limits: { memory: '64Mi' } },
    { cpuShares: 2, memoryLimitBytes: 64 * 2 ** 20, oomScoreAdj: 500 },
  ],
  [
    'several cores',
    { requests: { cpu: '2' }, limits: { cpu: '2.5' } },
    { cpuShares: 2048, cpuQuotaMicroseconds: 250_000, cpuPeriodMicroseconds: 100_000, oomScoreAdj: 1000 },
  ],
  [
    "less than the kernel's least quota",
    { limits: { cpu: '1m' } },
    { cpuShares: 2, cpuQuotaMicroseconds: 1000, cpuPeriodMicroseconds: 100_000, oomScoreAdj: 1000 },
  ],
] as Array<[string, NonNullable<Container['resources']>, ContainerResources]>) {
  test(`resources: ${title}`, t => t.deepEqual(render({ resources }).resources, expected))
}

test('a container carries what the next agent must know of it', t => {
  const config = render({})
  t.is(config.annotations[specHashAnnotation], specHash(spec()))
  t.is(config.annotations[crashesAnnotation], '2')
  t.is(config.attempt, 3)
  t.is(config.logPath, 'main/3.log')
})

test('command and arguments see the environment; each stays one word', t => {
  const config = render({
    env: [{ name: 'GREETING', value: 'hello world' }],
    command: ['say', '$(GREETING)'],
    args: ['$$(GREETING)', '$(NOBODY)'],
  })
  t.deepEqual(config.command, ['say', 'hello world'])
  t.deepEqual(config.args, ['$(GREETING)', '$(NOBODY)'])
  t.deepEqual(config.env, [{ name: 'GREETING', value: 'hello world' }])
})

test('terminal and input are those that the container asks for', t => {
  t.like(render({}), { stdin: false, stdinOnce: false, tty: false })
  t.like(render({ stdin: true, stdinOnce: true, tty: true, workingDir: '/srv' }), {
    ...{ stdin: true, stdinOnce: true, tty: true, workingDir: '/srv' },
  })
  t.false('workingDir' in render({}))
})

test("a pod has a hosts file of its own, unless it lives in the board's network", t => {
  t.deepEqual(render({}).mounts, [
    { hostPath: '/data/pods/uid-web/hosts', containerPath: '/etc/hosts', readOnly: false },
  ])
  t.deepEqual(render({}, { spec: { hostNetwork: true } }).mounts, [])
})

test('the hosts file knows localhost, and the pod by its address once it has one', t => {
  const entries = (text: string): Record<string, string[]> =>
    Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map(line => line.split(/\s+/))
        .map(([address = '', ...names]) => [address, names]),
    )
  const pod = wishOf([spec()], { spec: { hostname: 'db' } })
  t.deepEqual(entries(renderHosts(pod, '10.244.1.5'))['10.244.1.5'], ['db'])
  t.true(entries(renderHosts(pod, undefined))['127.0.0.1']?.includes('localhost'))
  t.deepEqual(Object.keys(entries(renderHosts(pod, undefined))), ['127.0.0.1', '::1'])
})

test('the hash of a definition is that of its meaning: any field counts, their order does not', t => {
  const one: Container = { name: 'main', image: 'web:1', env: [{ name: 'A', value: '1' }] }
  const same: Container = { env: [{ value: '1', name: 'A' }], image: 'web:1', name: 'main' }
  t.is(specHash(one), specHash(same))
  for (const change of [{ image: 'web:2' }, { env: [] }, { args: ['x'] }, { livenessProbe: {} }]) {
    t.not(specHash({ ...one, ...change }), specHash(one))
  }
})
