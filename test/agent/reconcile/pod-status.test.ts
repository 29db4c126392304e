import test from 'ava'
import { PodRecord } from '../../../agent/reconcile/pod-record.ts'
import { qosClassOf, renderPodStatus, type StatusView } from '../../../agent/reconcile/pod-status.ts'
import type { ObservedContainer } from '../../../agent/runtime/runtime.ts'
import type { Condition } from '../../../contract/resources/meta.ts'
import type { Container, ContainerStatus, PodPhase, PodStatus } from '../../../contract/resources/pod.ts'
import { dead, exited, minute, nowMs, recordOf, running, sandbox, second, spec, wishOf } from './fixtures.ts'

function statusOf(view: Partial<StatusView>): PodStatus {
  const { wish = wishOf(), observed = [], record = recordOf(observed), hostIP = '192.168.0.9' } = view
  return renderPodStatus({ wish, observed, record, hostIP })
}

const mainOf = (status: PodStatus): ContainerStatus | undefined =>
  status.containerStatuses?.find(({ name }) => name === 'main')
const condition = (status: PodStatus, type: string): Condition | undefined =>
  status.conditions?.find(found => found.type === type)
const policy = (restartPolicy: 'OnFailure' | 'Never') => wishOf([spec()], { spec: { restartPolicy } })
const at = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z')

const created = running(spec(), { state: 'created', startedAtMs: 0 })
for (const [title, view, phase, ready] of [
  ['nothing is there yet', {}, 'Pending', 'False'],
  ['there is only a sandbox', { observed: [sandbox()] }, 'Pending', 'False'],
  ['its container was created', { observed: [sandbox([created])] }, 'Pending', 'False'],
  ['its container runs', { observed: [sandbox([running()])] }, 'Running', 'True'],
  ['one of two runs', { wish: wishOf([spec(), spec('side')]), observed: [sandbox([running()])] }, 'Pending', 'False'],
  ['its container is between two tries', { observed: [sandbox([exited(spec(), { crashes: 3 })])] }, 'Running', 'False'],
  ['it failed and is tried again', { wish: policy('OnFailure'), observed: [sandbox([exited()])] }, 'Running', 'False'],
  [
    'it ended well',
    { wish: policy('OnFailure'), observed: [dead([exited(spec(), { exitCode: 0 })])] },
    'Succeeded',
    'False',
  ],
  ['it failed for good', { wish: policy('Never'), observed: [dead([exited()])] }, 'Failed', 'False'],
  [
    'one of two failed for good',
    {
      wish: wishOf([spec(), spec('side')], { spec: { restartPolicy: 'Never' } }),
      observed: [dead([exited(), exited(spec('side'), { exitCode: 0 })])],
    },
    'Failed',
    'False',
  ],
] as Array<[string, Partial<StatusView>, PodPhase, Condition['status']]>) {
  test(`${phase}, when ${title}`, t => {
    const status = statusOf(view)
    t.is(status.phase, phase)
    for (const type of ['Ready', 'ContainersReady']) t.is(condition(status, type)?.status, ready)
  })
}

test('a pod that is between two definitions has not failed', t => {
  const wish = wishOf([spec('main', { image: 'web:2' })], { spec: { restartPolicy: 'Never' } })
  t.is(statusOf({ wish, observed: [sandbox([exited()])] }).phase, 'Running')
})

test('a running container is ready, with its image and its start', t => {
  t.deepEqual(mainOf(statusOf({ observed: [sandbox([running(spec(), { attempt: 2 })])] })), {
    ...{ name: 'main', image: 'web:1', imageID: 'sha256:1', containerID: 'containerd://main-2' },
    ...{ ready: true, started: true, restartCount: 2, state: { running: { startedAt: at(nowMs - minute) } } },
  })
})

test('a container that is not there yet is being created', t => {
  t.like(mainOf(statusOf({})), { ready: false, restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } })
})

test('a container that could not be started says why', t => {
  const record = new PodRecord()
  record.fail('main', { reason: 'ErrImagePull', message: 'nobody has it', nowMs: 0 })
  const status = statusOf({ observed: [sandbox()], record })
  t.is(status.phase, 'Pending')
  t.deepEqual(mainOf(status)?.state, { waiting: { reason: 'ErrImagePull', message: 'nobody has it' } })
})

test('a restart that could not be done says why, and keeps the end before it', t => {
  const observed = [sandbox([exited(spec(), { exitCode: 3 })])]
  const record = recordOf(observed)
  record.fail('main', { reason: 'ErrImagePull', message: 'nobody has it', nowMs: 0 })
  const main = mainOf(statusOf({ observed, record }))
  t.is(main?.state?.waiting?.reason, 'ErrImagePull')
  t.is(main?.lastState?.terminated?.exitCode, 3)
})

test('a crashing container waits in CrashLoopBackOff, with the crash as its last state', t => {
  const container = exited(spec(), { crashes: 2, attempt: 2, exitCode: 7 })
  const main = mainOf(statusOf({ observed: [sandbox([exited(spec(), { attempt: 1, exitCode: 6 }), container])] }))
  t.is(main?.state?.waiting?.reason, 'CrashLoopBackOff')
  t.regex(main?.state?.waiting?.message ?? '', /20s/)
  t.like(main, { restartCount: 2, ready: false, lastState: { terminated: { exitCode: 7, reason: 'Error' } } })
})

test('a container that just ended for the first time shows its end', t => {
  const container: ObservedContainer = { ...exited(spec(), { exitCode: 137 }), reason: 'OOMKilled', message: 'too big' }
  const main = mainOf(statusOf({ observed: [sandbox([container])] }))
  t.deepEqual(main?.state, {
    terminated: {
      ...{ exitCode: 137, reason: 'OOMKilled', message: 'too big', containerID: 'containerd://main-0' },
      ...{ startedAt: at(nowMs - second), finishedAt: at(nowMs) },
    },
  })
  t.is(main?.lastState, undefined)
})

test('a running container shows how the one before it ended', t => {
  const containers = [
    exited(spec(), { attempt: 0, exitCode: 4 }),
    exited(spec(), { attempt: 1, exitCode: 5 }),
    running(spec(), { attempt: 2 }),
  ]
  t.is(mainOf(statusOf({ observed: [sandbox(containers)] }))?.lastState?.terminated?.exitCode, 5)
})

test('an end for good after failures shows itself, and the failure before it', t => {
  const containers = [
    exited(spec(), { attempt: 1, exitCode: 5 }),
    exited(spec(), { attempt: 2, crashes: 2, exitCode: 0 }),
  ]
  const main = mainOf(statusOf({ wish: policy('OnFailure'), observed: [dead(containers)] }))
  t.like(main?.state?.terminated, { exitCode: 0, reason: 'Completed' })
  t.is(main?.lastState?.terminated?.exitCode, 5)
})

test('restarts are still counted when the dead sandbox is gone', t => {
  const record = recordOf([dead([exited(spec(), { attempt: 4 })])])
  t.is(mainOf(statusOf({ observed: [], record }))?.restartCount, 4)
})

test('addresses are those of the working sandbox, or of the board', t => {
  t.like(statusOf({ observed: [sandbox([running()])] }), {
    ...{ hostIP: '192.168.0.9', podIP: '10.244.1.5', podIPs: [{ ip: '10.244.1.5' }] },
  })
  t.is(statusOf({ observed: [dead([exited()])] }).podIP, undefined)
  const wish = wishOf([spec()], { spec: { hostNetwork: true } })
  t.is(statusOf({ wish, observed: [sandbox([running()], { ip: undefined, hostNetwork: true })] }).podIP, '192.168.0.9')
})

test('a pod without a sandbox says what stands in its way', t => {
  const record = new PodRecord()
  record.sandboxFailure = 'no addresses left'
  t.is(statusOf({ record }).message, 'no addresses left')
  t.is(statusOf({ record, observed: [sandbox()] }).message, undefined)
})

test('a pod began when its first sandbox did', t => {
  const observed = [sandbox([], { attempt: 1 }), dead([], { createdAtMs: nowMs - 5 * minute })]
  t.is(statusOf({ observed }).startTime, at(nowMs - 5 * minute))
  t.is(statusOf({}).startTime, undefined)
})

test('why a pod is not ready: it waits, it is done, it failed', t => {
  const wish = wishOf([spec(), spec('side')])
  const waiting = condition(statusOf({ wish, observed: [sandbox([running()])] }), 'Ready')
  t.is(waiting?.reason, 'ContainersNotReady')
  t.regex(waiting?.message ?? '', /\[side\]/)
  const done = [dead([exited(spec(), { exitCode: 0 })])]
  t.is(condition(statusOf({ wish: policy('Never'), observed: done }), 'Ready')?.reason, 'PodCompleted')
  t.is(condition(statusOf({ wish: policy('Never'), observed: [dead([exited()])] }), 'Ready')?.reason, 'PodFailed')
})

test('readiness dates from the containers themselves, so that a new agent says the same', t => {
  const observed = [sandbox([running(spec(), { startedAtMs: nowMs - 3 * minute })])]
  t.is(condition(statusOf({ observed }), 'Ready')?.lastTransitionTime, at(nowMs - 3 * minute))
  t.deepEqual(statusOf({ observed, record: new PodRecord() }), statusOf({ observed }))
})

const full = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } }
for (const [title, resources, expected] of [
  ['nothing is asked for', [{}], 'BestEffort'],
  ['what is asked for is no cpu or memory', [{ requests: { 'ephemeral-storage': '1Gi' } }], 'BestEffort'],
  ['all is asked for and limited alike', [full, full], 'Guaranteed'],
  ['limits stand for requests', [{ limits: full.limits }], 'Guaranteed'],
  ['memory has no limit', [{ ...full, limits: { cpu: '1' } }], 'Burstable'],
  ['less is asked for than allowed', [{ ...full, requests: { cpu: '500m', memory: '1Gi' } }], 'Burstable'],
  ['one container asks for nothing', [full, {}], 'Burstable'],
  [
    'equal amounts are written in other words',
    [{ ...full, requests: { cpu: '1000m', memory: '1024Mi' } }],
    'Guaranteed',
  ],
] as Array<[string, Array<NonNullable<Container['resources']>>, NonNullable<PodStatus['qosClass']>]>) {
  test(`${expected}, when ${title}`, t => {
    const containers = resources.map((amounts, index) => spec(`c${index}`, { resources: amounts }))
    t.is(qosClassOf(containers), expected)
  })
}
