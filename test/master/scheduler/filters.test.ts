import test from 'ava'
import type { Filter } from '../../../master/scheduler/filters/filter.ts'
import { nodeName } from '../../../master/scheduler/filters/node-name.ts'
import { nodeReady } from '../../../master/scheduler/filters/node-ready.ts'
import { nodeSelector } from '../../../master/scheduler/filters/node-selector.ts'
import { resourcesFit } from '../../../master/scheduler/filters/resources-fit.ts'
import { taints } from '../../../master/scheduler/filters/taints.ts'
import { temperature } from '../../../master/scheduler/filters/temperature.ts'
import { unschedulable } from '../../../master/scheduler/filters/unschedulable.ts'
import { makeCandidate, makePod, type NodeOptions, type PodOptions, snapshotNode } from './fixtures.ts'

interface Case {
  title: string
  filter: Filter
  pod?: PodOptions
  node?: NodeOptions
  taken?: PodOptions[]
  reason?: string
}

const hot = (temperatureCelsius: number): NodeOptions => ({
  usage: { cpuShare: 0, memoryShare: 0, temperatureCelsius },
})
const dedicated = { key: 'dedicated', value: 'camera', effect: 'NoSchedule' as const }
const cordon = { key: 'node.kubernetes.io/unschedulable', operator: 'Exists' as const }
const selectorReason = "node(s) didn't match Pod's node affinity/selector"
const nameReason = "node(s) didn't match the requested node name"
const device = { 'flotilla.dev/gpiochip0': '1' }

const cases: Case[] = [
  { title: 'a ready node takes pods', filter: nodeReady },
  {
    title: 'a node that is not ready takes none, whatever they tolerate',
    filter: nodeReady,
    node: { ready: false },
    pod: { tolerations: [{ operator: 'Exists' }] },
    reason: 'node(s) were not ready',
  },
  { title: 'a pod without node name fits any node', filter: nodeName },
  { title: 'a pod that names this node fits', filter: nodeName, pod: { nodeName: 'node' } },
  { title: 'a pod that names another node does not', filter: nodeName, pod: { nodeName: 'other' }, reason: nameReason },
  {
    title: 'a cordoned node takes none',
    filter: unschedulable,
    node: { unschedulable: true },
    reason: 'node(s) were unschedulable',
  },
  {
    title: 'a pod may tolerate the cordon',
    filter: unschedulable,
    node: { unschedulable: true },
    pod: { tolerations: [cordon] },
  },
  {
    title: 'an untolerated taint keeps pods away, and is named',
    filter: taints,
    node: { taints: [dedicated] },
    reason: 'node(s) had untolerated taint {dedicated: camera}',
  },
  {
    title: 'a tolerated taint does not',
    filter: taints,
    node: { taints: [dedicated] },
    pod: { tolerations: [{ key: 'dedicated', value: 'camera' }] },
  },
  {
    title: 'the same toleration with another value does not help',
    filter: taints,
    node: { taints: [dedicated] },
    pod: { tolerations: [{ key: 'dedicated', value: 'gpu' }] },
    reason: 'node(s) had untolerated taint {dedicated: camera}',
  },
  {
    title: 'a taint that only prefers keeps nobody away',
    filter: taints,
    node: { taints: [{ ...dedicated, effect: 'PreferNoSchedule' }] },
  },
  {
    title: 'labels match',
    filter: nodeSelector,
    node: { labels: { a: '1', b: '2' } },
    pod: { nodeSelector: { a: '1' } },
  },
  { title: 'a label is missing', filter: nodeSelector, pod: { nodeSelector: { a: '1' } }, reason: selectorReason },
  {
    title: 'a label has another value',
    filter: nodeSelector,
    node: { labels: { a: '2' } },
    pod: { nodeSelector: { a: '1' } },
    reason: selectorReason,
  },
  { title: 'the last CPU is given out', filter: resourcesFit, node: { cpu: '1' }, pod: { requests: { cpu: '1' } } },
  {
    title: 'a millicore too many is not',
    filter: resourcesFit,
    node: { cpu: '1' },
    pod: { requests: { cpu: '1001m' } },
    reason: 'Insufficient cpu',
  },
  {
    title: 'what others asked for counts',
    filter: resourcesFit,
    node: { memory: '1Gi' },
    taken: [{ name: 'a', requests: { memory: '600Mi' } }],
    pod: { requests: { memory: '500Mi' } },
    reason: 'Insufficient memory',
  },
  {
    title: 'what is really used does not',
    filter: resourcesFit,
    node: { usage: { cpuShare: 1, memoryShare: 1 } },
    pod: { requests: { memory: '500Mi' } },
  },
  {
    title: 'a pod that asks for nothing fits a full node',
    filter: resourcesFit,
    node: { cpu: '1' },
    taken: [{ name: 'a', requests: { cpu: '1' } }],
  },
  {
    title: 'the number of pods is bounded',
    filter: resourcesFit,
    node: { pods: '1' },
    taken: [{ name: 'a' }],
    reason: 'Too many pods',
  },
  { title: 'a device is there', filter: resourcesFit, node: { extended: device }, pod: { requests: device } },
  {
    title: 'a device is taken',
    filter: resourcesFit,
    node: { extended: device },
    taken: [{ name: 'a', requests: device }],
    pod: { requests: device },
    reason: 'Insufficient flotilla.dev/gpiochip0',
  },
  { title: 'a warm board takes pods', filter: temperature, node: hot(79.9) },
  { title: 'a hot one does not', filter: temperature, node: hot(80), reason: 'node(s) were at 80 °C or hotter' },
  { title: 'a board without a sensor takes pods', filter: temperature },
]

for (const { title, filter, pod = {}, node = {}, taken = [], reason } of cases) {
  test(title, t => t.is(filter(makeCandidate(pod), snapshotNode(node, taken.map(makePod))), reason))
}
