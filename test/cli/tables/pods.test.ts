import test from 'ava'
import { podColumns, podStatusWord } from '../../../cli/tables/pods.ts'
import type { ContainerState, ContainerStatus, Pod, PodStatus } from '../../../contract/resources/pod.ts'

const status = (state: ContainerState, more: Partial<ContainerStatus> = {}): ContainerStatus => ({
  ...{ name: 'web', image: '', imageID: '', ready: false, restartCount: 0, state },
  ...more,
})

const pod = (given: PodStatus | undefined, deletionTimestamp?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
  spec: {
    containers: [
      { name: 'web', image: '' },
      { name: 'log', image: '' },
    ],
  },
  ...(given && { status: given }),
})

const running = status({ running: {} }, { ready: true })
const ready = [{ type: 'Ready', status: 'True' as const }]
const ended = (exitCode: number, more: object = {}): ContainerState => ({ terminated: { exitCode, ...more } })

const words: Array<[what: string, pod: Pod, word: string]> = [
  ['nothing known', pod(undefined), 'Pending'],
  ['running', pod({ phase: 'Running', containerStatuses: [running] }), 'Running'],
  [
    'starting',
    pod({ phase: 'Pending', containerStatuses: [status({ waiting: { reason: 'ContainerCreating' } })] }),
    'ContainerCreating',
  ],
  [
    'crashing',
    pod({ phase: 'Running', containerStatuses: [running, status({ waiting: { reason: 'CrashLoopBackOff' } })] }),
    'CrashLoopBackOff',
  ],
  [
    'two faults: the first',
    pod({ phase: 'Pending', containerStatuses: [status({ waiting: { reason: 'ErrImagePull' } }), status(ended(1))] }),
    'ErrImagePull',
  ],
  [
    'completed',
    pod({ phase: 'Succeeded', containerStatuses: [status(ended(0, { reason: 'Completed' }))] }),
    'Completed',
  ],
  [
    'half completed, ready',
    pod({
      phase: 'Running',
      conditions: ready,
      containerStatuses: [running, status(ended(0, { reason: 'Completed' }))],
    }),
    'Running',
  ],
  [
    'half completed, not ready',
    pod({ phase: 'Running', containerStatuses: [running, status(ended(0, { reason: 'Completed' }))] }),
    'NotReady',
  ],
  ['ended by a signal', pod({ phase: 'Failed', containerStatuses: [status(ended(137, { signal: 9 }))] }), 'Signal:9'],
  ['ended with a status', pod({ phase: 'Failed', containerStatuses: [status(ended(3))] }), 'ExitCode:3'],
  ['evicted', pod({ phase: 'Failed', reason: 'Evicted' }), 'Evicted'],
  ['being deleted', pod({ phase: 'Running', containerStatuses: [running] }, '2026-01-01T00:00:00Z'), 'Terminating'],
  ['being deleted on a lost node', pod({ phase: 'Running', reason: 'NodeLost' }, '2026-01-01T00:00:00Z'), 'Unknown'],
  [
    'deleted after its end',
    pod({ phase: 'Succeeded', containerStatuses: [status(ended(0, { reason: 'Completed' }))] }, '2026-01-01T00:00:00Z'),
    'Completed',
  ],
]

for (const [what, given, word] of words)
  test(`a pod, ${what}, is ${word}`, t => {
    t.is(podStatusWord(given), word)
  })

const cell = (title: string, given: Pod): string | undefined => {
  const context = { nowMs: Date.parse('2026-01-01T00:10:00Z'), usage: new Map() }
  return podColumns.find(column => column.title === title)?.cell(given, context)
}

test('READY counts containers that may get traffic, of all that there should be', t => {
  t.is(cell('READY', pod({ containerStatuses: [running, status({ running: {} })] })), '1/2')
  t.is(cell('READY', pod(undefined)), '0/2')
})

test('RESTARTS adds up, and says when the last one was', t => {
  const restarted = status(
    { running: {} },
    { restartCount: 3, lastState: ended(1, { finishedAt: '2026-01-01T00:05:00Z' }) },
  )
  t.is(cell('RESTARTS', pod({ containerStatuses: [restarted, { ...running, restartCount: 1 }] })), '4 (5m ago)')
  t.is(cell('RESTARTS', pod({ containerStatuses: [running] })), '0')
})
