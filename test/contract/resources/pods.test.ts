import test from 'ava'
import type { Condition } from '../../../contract/resources/meta.ts'
import type { Pod, PodPhase } from '../../../contract/resources/pod.ts'
import {
  isPodActive,
  isPodAvailable,
  isPodFinished,
  isPodReady,
  podRequests,
} from '../../../contract/resources/pods.ts'
import { container, pod } from './objects.ts'

const readyAt = '2026-01-01T00:00:00Z'
const ready: Condition = { type: 'Ready', status: 'True', lastTransitionTime: readyAt }
const now = Date.parse(readyAt)

const withStatus = (status: Pod['status']): Pod => ({ ...pod(), ...(status && { status }) })
const inPhase = (phase: PodPhase): Pod => withStatus({ phase })

test('a pod is ready when its condition says so', t => {
  t.true(isPodReady(withStatus({ conditions: [ready] })))
  t.false(isPodReady(withStatus({ conditions: [{ ...ready, status: 'Unknown' }] })))
  t.false(isPodReady(withStatus({ conditions: [{ ...ready, type: 'PodScheduled' }] })))
  t.false(isPodReady(pod()))
})

test('a pod is available once it has been ready for long enough', t => {
  const steady = withStatus({ conditions: [ready] })
  t.true(isPodAvailable(steady, 0, now))
  t.false(isPodAvailable(steady, 10, now + 9_999))
  t.true(isPodAvailable(steady, 10, now + 10_000))
  t.false(isPodAvailable(pod(), 0, now))
})

test('a pod that never said since when it is ready is available only if that does not matter', t => {
  const { lastTransitionTime: _, ...undated } = ready
  t.true(isPodAvailable(withStatus({ conditions: [undated] }), 0, now))
  t.false(isPodAvailable(withStatus({ conditions: [undated] }), 1, now))
})

test('a pod counts as a replica until it has finished or is being deleted', t => {
  t.true(isPodActive(pod()))
  t.true(isPodActive(inPhase('Running')))
  t.true(isPodActive(inPhase('Unknown')))
  t.false(isPodActive(inPhase('Succeeded')))
  t.false(isPodActive(inPhase('Failed')))
  t.false(isPodActive({ ...pod(), metadata: { name: 'web', deletionTimestamp: readyAt } }))
  t.true(isPodFinished(inPhase('Failed')))
  t.false(isPodFinished(inPhase('Pending')))
})

const asking = (cpu: string, memory: string, fields = {}) =>
  container({ resources: { requests: { cpu, memory } }, ...fields })

test('a pod asks for the sum of its containers', t => {
  const requests = podRequests(pod({ containers: [asking('250m', '64Mi'), asking('1', '1Gi'), container()] }))
  t.deepEqual(requests, { cpuMillis: 1250, memoryBytes: 1088 * 2 ** 20 })
})

test('an init container that needs more than the rest decides', t => {
  const initContainers = [asking('2', '1Mi'), asking('1', '2Mi')]
  t.deepEqual(podRequests(pod({ containers: [asking('500m', '64Mi')], initContainers })), {
    cpuMillis: 2000,
    memoryBytes: 64 * 2 ** 20,
  })
})

test('a sidecar runs beside the init containers after it and beside the containers', t => {
  const initContainers = [asking('100m', '1Mi', { restartPolicy: 'Always' }), asking('1', '1Mi')]
  t.is(podRequests(pod({ containers: [asking('500m', '1Mi')], initContainers })).cpuMillis, 1100)
  t.is(podRequests(pod({ containers: [asking('2', '1Mi')], initContainers })).cpuMillis, 2100)
})

test('the overhead of a runtime comes on top', t => {
  t.is(podRequests(pod({ containers: [asking('1', '1Mi')], overhead: { cpu: '50m' } })).cpuMillis, 1050)
})
