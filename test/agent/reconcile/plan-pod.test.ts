import test, { type ExecutionContext } from 'ava'
import { type PodView, planPod } from '../../../agent/reconcile/plan-pod.ts'
import { graceAnnotation, type Plan, type Step } from '../../../agent/reconcile/steps.ts'
import type { PodWish } from '../../../contract/wire/fleet.ts'
import { dead, exited, minute, nowMs, recordOf, running, sandbox, second, spec, wishOf } from './fixtures.ts'

type Situation = Pick<PodView, 'wish' | 'observed'> & Partial<PodView>

function plan({ wish, observed, ...more }: Situation): Plan {
  return planPod({ wish, observed, record: recordOf(observed), nowMs, monotonicMs: 0, ...more })
}

/** A step in short: `start main#2 crashes 1`. */
function tell(step: Step): string {
  switch (step.type) {
    case 'runSandbox':
      return `sandbox #${step.attempt}`
    case 'stopSandbox':
      return `stop ${step.sandboxId}`
    case 'removeSandbox':
      return `remove ${step.sandboxId}`
    case 'startContainer':
      return `start ${step.container.name}#${step.attempt} crashes ${step.crashes}`
    case 'stopContainer':
      return `stop ${step.containerId} within ${step.graceSeconds} s`
    case 'removeContainer':
      return `remove ${step.containerId}`
    case 'reportGone':
      return 'gone'
  }
}

function plansTo(t: ExecutionContext, situation: Situation, ...steps: string[]): void {
  t.deepEqual(plan(situation).steps.map(tell), steps)
}

function waits(t: ExecutionContext, situation: Situation, ms: number): void {
  t.deepEqual(plan(situation), { steps: [], againInMs: ms })
}

const deleted = (more: { seconds?: number; spec?: Partial<PodWish['spec']> } = {}): PodWish =>
  wishOf([spec()], {
    metadata: {
      deletionTimestamp: '2026-01-01T12:00:00Z',
      ...(more.seconds === undefined ? {} : { deletionGracePeriodSeconds: more.seconds }),
    },
    spec: more.spec ?? {},
  })

const never = wishOf([spec()], { spec: { restartPolicy: 'Never' } })
const onFailure = wishOf([spec()], { spec: { restartPolicy: 'OnFailure' } })
const always = wishOf()
const changed = spec('main', { image: 'web:2' })
const two = wishOf([spec('main'), spec('side')])

test('a pod that is nowhere gets a sandbox', plansTo, { wish: always, observed: [] }, 'sandbox #0')
test(
  'a sandbox that stands gets all its containers at once',
  plansTo,
  { wish: two, observed: [sandbox()] },
  'start main#0 crashes 0',
  'start side#0 crashes 0',
)
test('a container that runs as it is wished is left alone', plansTo, {
  wish: always,
  observed: [sandbox([running()])],
})
test(
  'only the container that is missing is started',
  plansTo,
  { wish: two, observed: [sandbox([running(spec('side'))])] },
  'start main#0 crashes 0',
)
test(
  'a running container of another definition is stopped, with the time that the pod gives',
  plansTo,
  {
    wish: wishOf([changed], { spec: { terminationGracePeriodSeconds: 7 } }),
    observed: [sandbox([running()])],
  },
  'stop main-0 within 7 s',
)
test(
  'what ended under an old definition starts under the new one at once, and as if it had never crashed',
  plansTo,
  { wish: wishOf([changed]), observed: [sandbox([exited(spec(), { crashes: 6, attempt: 7 })])] },
  'start main#8 crashes 0',
)
test(
  'a definition that changes is no end, whatever the restart policy says of ends',
  plansTo,
  { wish: { ...never, spec: { ...never.spec, containers: [changed] } }, observed: [sandbox([exited()])] },
  'start main#1 crashes 0',
)
test('a pod that had finished before its definition changed stays finished', plansTo, {
  wish: { ...never, spec: { ...never.spec, containers: [changed] } },
  observed: [dead([exited()])],
})
test(
  'a container that was created and never started is begun again',
  plansTo,
  { wish: always, observed: [sandbox([running(spec(), { state: 'created', startedAtMs: 0 })])] },
  'remove main-0',
)
test(
  'so is one of which the runtime knows nothing',
  plansTo,
  { wish: always, observed: [sandbox([running(spec(), { state: 'unknown' })])] },
  'remove main-0',
)
test(
  'containers that the pod no longer names go, and of the dead ones only the last stays',
  plansTo,
  {
    wish: always,
    observed: [
      sandbox([
        exited(spec(), { attempt: 0, agoMs: 3 * minute }),
        exited(spec(), { attempt: 1, agoMs: 2 * minute }),
        running(spec(), { attempt: 2 }),
        running(spec('former')),
      ]),
    ],
  },
  'remove main-0',
  'remove former-0',
)

for (const [title, wish, exitCode, steps] of [
  ['Always restarts after an error', always, 1, ['start main#1 crashes 1']],
  ['Always restarts after a good end too', always, 0, ['start main#1 crashes 1']],
  ['OnFailure restarts after an error', onFailure, 1, ['start main#1 crashes 1']],
  ['OnFailure lets a good end be the end', onFailure, 0, ['stop sandbox-0']],
  ['Never lets an error be the end', never, 1, ['stop sandbox-0']],
  ['Never lets a good end be the end', never, 0, ['stop sandbox-0']],
] as const) {
  test(
    `the restart policy ${title}`,
    plansTo,
    { wish, observed: [sandbox([exited(spec(), { exitCode, agoMs: second })])] },
    ...steps,
  )
}

test('a finished pod keeps its containers, for their logs, and nothing more is done', plansTo, {
  wish: never,
  observed: [dead([exited(spec(), { exitCode: 0 })])],
})
test('a pod is not finished while one of its containers runs', plansTo, {
  wish: wishOf([spec('main'), spec('side')], { spec: { restartPolicy: 'Never' } }),
  observed: [sandbox([exited(spec('main'), { exitCode: 0 }), running(spec('side'))])],
})

for (const [crashes, waitMs] of [
  [0, 0],
  [1, 10],
  [2, 20],
  [3, 40],
  [4, 80],
  [5, 160],
  [6, 300],
  [60, 300],
].map(([crashes = 0, seconds = 0]) => [crashes, seconds * second] as const)) {
  const ended = (agoMs: number): Situation => ({
    wish: always,
    observed: [sandbox([exited(spec(), { crashes, attempt: crashes, agoMs })])],
  })
  test(`after ${crashes} crashes in a row a container waits ${waitMs} ms, counted from its end`, t => {
    if (waitMs > 0) waits(t, ended(0), waitMs)
    if (waitMs > 0) waits(t, ended(waitMs - 1), 1)
    plansTo(t, ended(waitMs), `start main#${crashes + 1} crashes ${crashes + 1}`)
  })
}

test(
  'a container that ran for ten minutes begins its back-off anew',
  plansTo,
  { wish: always, observed: [sandbox([exited(spec(), { crashes: 6, attempt: 6, ranMs: 10 * minute })])] },
  'start main#7 crashes 1',
)
test(
  'a little less than ten minutes is still a crash',
  waits,
  {
    wish: always,
    observed: [sandbox([exited(spec(), { crashes: 6, ranMs: 10 * minute - 1 })])],
  },
  300 * second,
)
test(
  'a clock that was set back makes nobody wait longer than the back-off',
  waits,
  {
    wish: always,
    observed: [sandbox([exited(spec(), { crashes: 1, agoMs: -365 * 24 * 60 * minute })])],
  },
  10 * second,
)
test(
  'a clock that was set forward only ends the wait',
  plansTo,
  { wish: always, observed: [sandbox([exited(spec(), { crashes: 6, agoMs: 365 * 24 * 60 * minute })])] },
  'start main#1 crashes 7',
)
test('of several waits the shortest is the next look, and no step waits for it', t => {
  const observed = [
    sandbox([exited(spec('main'), { crashes: 3 }), exited(spec('side'), { crashes: 1 }), running(spec('old'))]),
  ]
  const { steps, againInMs } = plan({ wish: two, observed })
  t.deepEqual(steps.map(tell), ['remove old-0'])
  t.is(againInMs, 10 * second)
})
test('a start that failed is tried again when its time has come, by a clock that nobody sets', t => {
  const observed = [sandbox()]
  const record = recordOf(observed)
  record.fail('main', { reason: 'ErrImagePull', message: 'no route', nowMs: 500 })
  const at = (monotonicMs: number): Plan => planPod({ wish: always, observed, record, nowMs: 0, monotonicMs })
  t.deepEqual(at(500), { steps: [], againInMs: 10 * second })
  t.deepEqual(at(10_499), { steps: [], againInMs: 1 })
  t.deepEqual(at(10_500).steps.map(tell), ['start main#0 crashes 0'])
})

test(
  'a sandbox that died with the board is removed first',
  plansTo,
  { wish: always, observed: [dead([exited(spec(), { exitCode: 255, attempt: 4 })], { attempt: 2 })] },
  'remove sandbox-2',
)
test('the new sandbox and its containers go on counting where the dead ones ended', t => {
  const record = recordOf([dead([exited(spec(), { exitCode: 255, attempt: 4 })], { attempt: 2 })])
  plansTo(t, { wish: always, observed: [], record }, 'sandbox #3')
  const observed = [sandbox([], { attempt: 3 })]
  record.remember(observed)
  plansTo(t, { wish: always, observed, record }, 'start main#5 crashes 0')
})
test(
  'a board that comes back beside an older sandbox keeps the newest',
  plansTo,
  { wish: always, observed: [sandbox([running()], { attempt: 1 }), sandbox([running()], { attempt: 0 })] },
  'remove sandbox-0',
)
test(
  'a newest sandbox that is dead does not bring an older one back',
  plansTo,
  { wish: always, observed: [sandbox([], { attempt: 0 }), dead([], { attempt: 1 })] },
  'remove sandbox-0',
  'remove sandbox-1',
)

const annotated = sandbox([running()], { annotations: { [graceAnnotation]: '12' } })
for (const [title, wish, observed, step] of [
  ['the time that the deletion names', deleted({ seconds: 3 }), [annotated], 'stop main-0 within 3 s'],
  ['no time when the deletion says so', deleted({ seconds: 0 }), [annotated], 'stop main-0 within 0 s'],
  [
    'else the time of the pod',
    deleted({ spec: { terminationGracePeriodSeconds: 44 } }),
    [annotated],
    'stop main-0 within 44 s',
  ],
  ['else, for a pod that left the wish, the time it once had', undefined, [annotated], 'stop main-0 within 12 s'],
  ['else 30 s', undefined, [sandbox([running()])], 'stop main-0 within 30 s'],
] as const) {
  test(`a pod that is to go has ${title}`, plansTo, { wish, observed: [...observed] }, step)
}
test(
  'what ran is stopped before the sandbox is removed',
  plansTo,
  {
    wish: undefined,
    observed: [sandbox([running(spec('main')), exited(spec('side')), running(spec('late'), { state: 'created' })])],
  },
  'stop main-0 within 30 s',
)
test(
  'all sandboxes of a pod that is to go are removed, dead or not',
  plansTo,
  { wish: deleted(), observed: [sandbox([exited()], { attempt: 1 }), dead([], { attempt: 0 })] },
  'remove sandbox-1',
  'remove sandbox-0',
)
test('a deleted pod of which nothing is left is reported gone', plansTo, { wish: deleted(), observed: [] }, 'gone')
test(
  'a finished pod that is deleted is removed all the same',
  plansTo,
  { wish: { ...never, metadata: deleted().metadata }, observed: [dead([exited()])] },
  'remove sandbox-0',
)
