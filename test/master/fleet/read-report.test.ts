import test from 'ava'
import { readBeat, readNodeName, readPresence, readReport } from '../../../master/fleet/read-report.ts'
import { nodeStatus, podStatus } from './rig.ts'

const frame = { session: 's', sequence: 1, full: true }
const pod = { namespace: 'default', name: 'web' }
const container = podStatus().containerStatuses![0]!

function withPod(status: object): object {
  return { ...frame, pods: { uid: { ...pod, status } } }
}

function withNode(fields: object): object {
  return { ...frame, node: { ...nodeStatus(), ...fields } }
}

function withContainer(fields: object): object {
  return withPod({ ...podStatus(), containerStatuses: [{ ...container, ...fields }] })
}

function withEvent(fields: object): object {
  const event = { type: 'Normal', reason: 'Started', message: 'm', timestamp: '2026-01-01T00:00:00Z' }
  return { ...frame, events: [{ ...event, ...fields }] }
}

const long = (length: number): string => 'x'.repeat(length)
const condition = { type: 'Ready', status: 'True' }

test('what an agent says of itself is read as it was said', t => {
  const usage = { timestamp: '2026-01-01T00:00:00Z', usage: { cpu: '250m', 'flotilla.dev/temperature': '-3.5' } }
  const event = { type: 'Warning', reason: 'BackOff', message: 'again', timestamp: '2026-01-01T00:00:00Z' }
  const terminated = { exitCode: 137, signal: 9, reason: 'OOMKilled', finishedAt: '1970-01-01T00:00:00Z' }
  const waiting = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } }
  const containerStatuses = [{ ...container, state: waiting, lastState: { terminated } }]
  const report = {
    ...{ ...frame, wish: { epoch: 1, generation: 7 }, node: nodeStatus(), usage },
    pods: {
      one: { ...pod, status: podStatus({ containerStatuses, qosClass: 'BestEffort' }) },
      two: { ...pod, gone: true },
    },
    events: [{ ...event, pod: { ...pod, uid: 'one' } }, event],
  }
  t.deepEqual(readReport(JSON.parse(JSON.stringify(report))) as object, report)
})

test('members that nobody knows are dropped, and null is nothing', t => {
  const status = { ...podStatus(), nominatedNodeName: 'x', message: null, conditions: [{ ...condition, extra: 1 }] }
  const read = readReport({ ...withPod(status), extra: 1, __proto__: { full: false } })
  t.deepEqual(Object.keys(read).sort(), ['full', 'pods', 'sequence', 'session'])
  const { message: _message, ...expected } = podStatus({ conditions: [condition as never] })
  t.deepEqual(read.pods?.['uid']?.status as object, expected)
})

test('a long message is cut where one sees it', t => {
  const status = readReport(withPod(podStatus({ message: long(5000) }))).pods?.['uid']?.status
  t.is(status?.message, `${long(4095)}…`)
  t.is(readReport(withEvent({ message: long(5000) })).events?.[0]?.message.length, 1024)
})

const refused: Array<[what: string, report: unknown, path: RegExp]> = [
  ['no object', [], /report must be an object/],
  ['no session', { ...frame, session: '' }, /report\.session must not be empty/],
  ['a session like a novel', { ...frame, session: long(129) }, /at most 128 characters/],
  ['no sequence', { session: 's', full: true }, /report\.sequence is missing/],
  ['half a sequence', { ...frame, sequence: 1.5 }, /whole number/],
  ['a sequence below zero', { ...frame, sequence: -1 }, /negative/],
  ['full as a word', { ...frame, full: 'yes' }, /report\.full must be true or false/],
  ['a wish without a generation', { ...frame, wish: { epoch: 1 } }, /report\.wish\.generation is missing/],
  ['pods as a list', { ...frame, pods: [] }, /report\.pods must be an object/],
  ['a pod without a name', { ...frame, pods: { u: { namespace: 'default' } } }, /pods\["u"\]\.name is missing/],
  ['a namespace with a slash', { ...frame, pods: { u: { ...pod, namespace: 'a/b' } } }, /namespace "a\/b"/],
  ['a pod called ..', { ...frame, pods: { u: { ...pod, name: '..' } } }, /name "\.\."/],
  ['a pod without a uid', { ...frame, pods: { '': { ...pod, gone: true } } }, /must not be empty/],
  ['gone as a word', { ...frame, pods: { u: { ...pod, gone: 'yes' } } }, /gone must be true or false/],
  ['a phase of the moon', withPod({ ...podStatus(), phase: 'Waning' }), /status\.phase must be one of Pending/],
  ['no phase', withPod({}), /phase is missing/],
  ['a pod address that is none', withPod({ ...podStatus(), podIP: '10.0.0.1; drop' }), /podIP must be an IP address/],
  ['a host address that is a number', withPod({ ...podStatus(), hostIP: 7 }), /hostIP must be a string/],
  ['a start that is no time', withPod({ ...podStatus(), startTime: 'yesterday' }), /startTime must be a time/],
  ['conditions as a map', withPod({ ...podStatus(), conditions: {} }), /conditions must be a list/],
  ['too many conditions', withPod({ ...podStatus(), conditions: Array(65).fill(condition) }), /at most 64/],
  [
    'a condition without a type',
    withPod({ ...podStatus(), conditions: [{ status: 'True' }] }),
    /\[0\]\.type is missing/,
  ],
  ['a condition that is perhaps', withPod({ ...podStatus(), conditions: [{ type: 'x', status: 'Maybe' }] }), /one of/],
  ['a container without a name', withContainer({ name: 7 }), /containerStatuses\[0\]\.name must be a string/],
  ['restarts as a word', withContainer({ restartCount: '3' }), /restartCount must be a whole number/],
  ['restarts below zero', withContainer({ restartCount: -1 }), /negative/],
  ['a state that is a word', withContainer({ state: 'running' }), /state must be an object/],
  ['two states at once', withContainer({ state: { running: {}, waiting: {} } }), /must have one of/],
  ['no state in the state', withContainer({ lastState: { asleep: {} } }), /must have one of/],
  ['an exit without a code', withContainer({ state: { terminated: {} } }), /exitCode is missing/],
  ['an image id like a novel', withContainer({ imageID: long(1025) }), /at most 1024/],
  [
    'memory that is no quantity',
    withNode({ capacity: { memory: 'plenty' } }),
    /capacity\["memory"\] must be a quantity/,
  ],
  ['a resource of a strange name', withNode({ capacity: { 'a b': '1' } }), /"a b" is not allowed/],
  ['a board at no address', withNode({ addresses: [{ type: 'InternalIP', address: 'here' }] }), /an IP address/],
  ['an architecture that is no label', withNode({ nodeInfo: { architecture: 'a/b' } }), /architecture "a\/b"/],
  ['usage that is no quantity', { ...frame, usage: { timestamp: '2026-01-01', usage: { cpu: 1 } } }, /usage\["cpu"\]/],
  ['usage without a time', { ...frame, usage: { usage: {} } }, /timestamp is missing/],
  ['events as a map', { ...frame, events: {} }, /events must be a list/],
  ['too many events', { ...frame, events: Array(1001).fill({}) }, /at most 1000/],
  ['an event of a third type', withEvent({ type: 'Odd' }), /type must be one of Normal, Warning/],
  ['an event without a reason', withEvent({ reason: '' }), /reason must not be empty/],
  ['an event about half a pod', withEvent({ pod }), /pod\.uid is missing/],
  [
    'an event about a pod like a novel',
    withEvent({ pod: { ...pod, uid: long(129) } }),
    /uid must be a string of at most/,
  ],
]

for (const [what, report, path] of refused) {
  test(`refuses ${what}, and says where`, t => {
    t.throws(() => readReport(report), { code: 'BadRequest', message: path })
  })
}

test('a presence and a beat are read as strictly', t => {
  t.deepEqual(readPresence({ online: false, session: 's', reason: 'shutdown', more: 1 }) as object, {
    online: false,
    session: 's',
    reason: 'shutdown',
  })
  t.throws(() => readPresence({ online: 'yes' }), { code: 'BadRequest' })
  t.throws(() => readPresence({ online: true, session: {} }), { code: 'BadRequest' })
  t.deepEqual(readBeat({ session: 's' }), { session: 's' })
  t.throws(() => readBeat({}), { code: 'BadRequest' })
  t.is(readNodeName('board-1'), 'board-1')
  for (const name of [undefined, '', 'Board', 'a.b', '+', 'a b', long(64)]) {
    t.throws(() => readNodeName(name), { code: 'BadRequest' })
  }
})
