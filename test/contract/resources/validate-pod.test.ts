import test from 'ava'
import { applyDefaults } from '../../../contract/resources/defaults.ts'
import type { Container, PodSpec } from '../../../contract/resources/pod.ts'
import { validateObject } from '../../../contract/resources/validate.ts'
import { container, pod } from './objects.ts'

const check = (spec: Record<string, unknown>): string[] =>
  validateObject(applyDefaults(pod(spec as Partial<PodSpec>))).map(({ path, message }) => `${path}: ${message}`)
const checkContainer = (fields: Record<string, unknown>): string[] =>
  check({ containers: [container(fields as Partial<Container>)] }).map(text => text.replace('spec.containers[0].', ''))

test('a right pod has no problems', t => {
  t.deepEqual(check({}), [])
  const rich = container({
    env: [
      { name: 'A', value: '' },
      { name: 'B', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'x', key: 'a.b' } } },
    ],
    envFrom: [{ configMapRef: { name: 'x' } }],
    ports: [{ name: 'http', containerPort: 80 }, { containerPort: 65_535 }],
    resources: { requests: { cpu: '1', 'example.com/gpu': '1' }, limits: { cpu: '1', 'example.com/gpu': '1' } },
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  })
  t.deepEqual(check({ containers: [rich], volumes: [{ name: 'data', emptyDir: {} }] }), [])
})

const specs: Array<[what: string, spec: Record<string, unknown>, problem: string | RegExp]> = [
  ['no container', { containers: [] }, 'spec.containers: must hold at least one container'],
  [
    'two containers of one name',
    { containers: [container(), container()] },
    'spec.containers[1].name: repeats spec.containers[0].name (web): each must be different',
  ],
  [
    'an init container with the name of a container',
    { initContainers: [container()] },
    /^spec\.containers\[0\]\.name: repeats spec\.initContainers\[0\]\.name/,
  ],
  [
    'an unknown restartPolicy',
    { restartPolicy: 'always' },
    'spec.restartPolicy: must be one of Always, OnFailure, Never, not the text "always": did you mean Always?',
  ],
  ['an unknown dnsPolicy', { dnsPolicy: 'Custom' }, /^spec\.dnsPolicy: must be one of ClusterFirst, /],
  [
    'the dnsPolicy None without servers',
    { dnsPolicy: 'None' },
    'spec.dnsConfig.nameservers: is required with the dnsPolicy None',
  ],
  [
    'a negative grace period',
    { terminationGracePeriodSeconds: -1 },
    'spec.terminationGracePeriodSeconds: must be at least 0, not -1',
  ],
  ['no time at all', { activeDeadlineSeconds: 0 }, 'spec.activeDeadlineSeconds: must be at least 1, not 0'],
  [
    'a nodeSelector that no label can match',
    { nodeSelector: { 'a b': 'c' } },
    /^spec\.nodeSelector\["a b"\]: "a b" is not allowed/,
  ],
  ['a hostname with a dot', { hostname: 'a.b' }, /^spec\.hostname: "a\.b" is not allowed/],
  [
    'two sources in a volume',
    { volumes: [{ name: 'a', emptyDir: {}, hostPath: { path: '/' } }] },
    'spec.volumes[0]: must have one source, not emptyDir and hostPath',
  ],
  ['two volumes of one name', { volumes: [{ name: 'a' }, { name: 'a' }] }, /^spec\.volumes\[1\]\.name: repeats/],
  [
    'a toleration of all keys without Exists',
    { tolerations: [{ effect: 'NoSchedule' }] },
    'spec.tolerations[0].operator: must be Exists when there is no key',
  ],
  [
    'a toleration with Exists and a value',
    { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] },
    /^spec\.tolerations\[0\]\.value: must be left out/,
  ],
  [
    'a toleration with an unknown effect',
    { tolerations: [{ key: 'a', effect: 'Never' }] },
    /^spec\.tolerations\[0\]\.effect: must be one of NoSchedule/,
  ],
  [
    'a time of toleration that never begins',
    { tolerations: [{ key: 'a', effect: 'NoSchedule', tolerationSeconds: 5 }] },
    /^spec\.tolerations\[0\]\.effect: must be NoExecute/,
  ],
]

for (const [what, spec, problem] of specs)
  test(`${what} is refused`, t => {
    const found = check(spec)
    t.is(found.length, 1, found.join('\n'))
    if (typeof problem === 'string') t.is(found[0], problem)
    else t.regex(found[0] ?? '', problem)
  })

const containers: Array<[what: string, fields: Record<string, unknown>, problem: string | RegExp]> = [
  ['a container with a bad name', { name: 'My_App' }, /^name: "My_App" is not allowed/],
  ['a container without an image', { image: '' }, 'image: is required: name an image such as "nginx:1.27"'],
  ['an image between spaces', { image: ' nginx' }, 'image: " nginx" begins or ends with a space'],
  [
    'an unknown pull policy',
    { imagePullPolicy: 'Sometimes' },
    /^imagePullPolicy: must be one of Always, IfNotPresent, Never/,
  ],
  [
    'a port out of range',
    { ports: [{ containerPort: 65_536 }] },
    'ports[0].containerPort: must be between 1 and 65535, not 65536',
  ],
  ['the port 0', { ports: [{ containerPort: 0 }] }, 'ports[0].containerPort: must be between 1 and 65535, not 0'],
  [
    'an unknown protocol',
    { ports: [{ containerPort: 80, protocol: 'tcp' }] },
    /^ports\[0\]\.protocol: must be one of TCP, UDP, SCTP.*did you mean TCP/,
  ],
  [
    'two ports of one name',
    {
      ports: [
        { name: 'a', containerPort: 80 },
        { name: 'a', containerPort: 81 },
      ],
    },
    /^ports\[1\]\.name: repeats/,
  ],
  [
    'one host port twice',
    {
      ports: [
        { hostPort: 80, containerPort: 80 },
        { hostPort: 80, containerPort: 81 },
      ],
    },
    /^ports\[1\]\.hostPort: repeats .* \(\*:80\/TCP\)/,
  ],
  ['a variable with =', { env: [{ name: 'A=B', value: 'x' }] }, /^env\[0\]\.name: "A=B" is not allowed/],
  [
    'a variable with two values',
    { env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
    'env[0].valueFrom: must be left out when there is a value',
  ],
  [
    'a variable from nowhere',
    { env: [{ name: 'A', valueFrom: {} }] },
    /^env\[0\]\.valueFrom: must name exactly one source/,
  ],
  [
    'a field that cannot be had',
    { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.podIPX' } } }] },
    /^env\[0\]\.valueFrom\.fieldRef\.fieldPath: must be one of metadata\.name.*did you mean status\.podIP/,
  ],
  ['an empty envFrom', { envFrom: [{}] }, 'envFrom[0]: must name exactly one source: configMapRef or secretRef'],
  [
    'more asked for than allowed',
    { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
    'resources.requests.cpu: asks for 2, more than the limit of 1',
  ],
  [
    'less memory than none',
    { resources: { requests: { memory: '-1Mi' } } },
    'resources.requests.memory: must not be negative, but is -1Mi',
  ],
  [
    'an unknown resource',
    { resources: { requests: { cpus: '1' }, limits: { cpus: '1' } } },
    /^resources\.requests\.cpus: unknown resource "cpus": use cpu, memory/,
  ],
  [
    'half a device',
    { resources: { requests: { 'a.b/gpu': '500m' }, limits: { 'a.b/gpu': '500m' } } },
    /must be a whole number/,
  ],
  [
    'a device without a limit',
    { resources: { requests: { 'a.b/gpu': '1' } } },
    /^resources\.requests\["a\.b\/gpu"\]: needs a limit/,
  ],
  [
    'a mount of no volume',
    { volumeMounts: [{ name: 'data', mountPath: '/data' }] },
    'volumeMounts[0].name: names no volume of the pod: the pod has no volumes',
  ],
]

for (const [what, fields, problem] of containers)
  test(`${what} is refused`, t => {
    const [found = '', ...others] = checkContainer(fields)
    if (typeof problem === 'string') t.is(found, problem)
    else t.regex(found, problem)
    // A limit and the request that follows from it may both be wrong: never anything else.
    t.true(
      others.every(text => text.startsWith('resources.limits')),
      others.join('\n'),
    )
  })

test("a port on the host's network is the same on both sides", t => {
  const ports = [{ containerPort: 80, hostPort: 81 }]
  t.regex(
    check({ hostNetwork: true, containers: [container({ ports })] })[0] ?? '',
    /must be equal to the containerPort 80/,
  )
})

test('all problems are told at once', t => {
  t.is(check({ containers: [container({ name: '', image: '' })], restartPolicy: 'x', hostname: '.' }).length, 4)
})
