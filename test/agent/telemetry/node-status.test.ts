import test from 'ava'
import { type BoardFacts, hasMoved, renderNodeStatus, renderUsage } from '../../../agent/telemetry/node-status.ts'
import type { Sample } from '../../../agent/telemetry/sensors.ts'
import { temperatureResource } from '../../../contract/resources/node.ts'
import { bytesOf, milliCpu } from '../../../contract/resources/quantity.ts'

const gibibyte = 2 ** 30
const info = {
  ...{ architecture: 'arm64', operatingSystem: 'linux', osImage: 'Debian GNU/Linux 12', kernelVersion: '6.12.1' },
  ...{ machineID: 'm', systemUUID: 's', bootID: 'b' },
}
const facts: BoardFacts = {
  inventory: { hostname: 'board-1', model: 'Raspberry Pi 4 Model B', cores: 4, info },
  ...{ agentVersion: '0.1.0', runtime: { name: 'containerd', version: '1.7.2' }, address: '192.168.0.9' },
  ...{ memoryTotalBytes: 4 * gibibyte, diskTotalBytes: 32 * gibibyte, offered: {} },
  runtimeReady: { ready: true, message: '' },
}

test('a board has what it has, and pods may ask for all of it but a part of the memory', t => {
  const { capacity = {}, allocatable = {} } = renderNodeStatus(facts)
  t.is(milliCpu(capacity['cpu'] ?? ''), 4000)
  t.is(bytesOf(capacity['memory'] ?? ''), 4 * gibibyte)
  t.is(bytesOf(capacity['ephemeral-storage'] ?? ''), 32 * gibibyte)
  t.is(capacity['pods'], '110')
  t.deepEqual({ ...allocatable, memory: '' }, { ...capacity, memory: '' })
  const memory = bytesOf(allocatable['memory'] ?? '')
  t.true(memory < 4 * gibibyte && memory > 3 * gibibyte)
})

test('what the user offers is what pods may ask for', t => {
  const { capacity, allocatable } = renderNodeStatus({ ...facts, offered: { cpu: '500m', memory: '256Mi' } })
  for (const list of [capacity, allocatable]) t.like(list, { cpu: '500m', memory: '256Mi' })
})

test('a board says who it is, where it is, and what runs on it', t => {
  const { addresses, nodeInfo } = renderNodeStatus(facts)
  t.deepEqual(addresses, [
    { type: 'InternalIP', address: '192.168.0.9' },
    { type: 'Hostname', address: 'board-1' },
  ])
  t.deepEqual(nodeInfo, {
    ...{ ...info, containerRuntimeVersion: 'containerd://1.7.2', kubeletVersion: '0.1.0', kubeProxyVersion: '0.1.0' },
  })
})

test('a board without a network has no address, and says so by leaving it out', t => {
  t.deepEqual(renderNodeStatus({ ...facts, address: undefined }).addresses, [{ type: 'Hostname', address: 'board-1' }])
})

test('a board is ready when its runtime is, else it says why not', t => {
  const conditionOf = (ready: boolean) =>
    renderNodeStatus({ ...facts, runtimeReady: { ready, message: 'no CNI' } }).conditions?.find(
      ({ type }) => type === 'Ready',
    )
  t.like(conditionOf(true), { status: 'True' })
  t.like(conditionOf(false), { status: 'False', message: 'no CNI' })
})

test('equal facts make equal statuses, so that nothing is sent for them', t => {
  t.deepEqual(renderNodeStatus(structuredClone(facts)), renderNodeStatus(facts))
})

const sample: Sample = {
  ...{ cpuMillis: 1200, memoryBytes: gibibyte, memoryTotalBytes: 4 * gibibyte, temperatureCelsius: 48.312 },
}

test('usage is told in steps that mean something', t => {
  const { timestamp, usage } = renderUsage({ ...sample, cpuMillis: 1203, memoryBytes: gibibyte + 5000 }, 'now')
  t.is(timestamp, 'now')
  t.is(milliCpu(usage['cpu'] ?? ''), 1200)
  t.is(bytesOf(usage['memory'] ?? ''), gibibyte)
  t.is(Number(usage[temperatureResource]), 48.3)
})

test('a board without a sensor has no temperature, rather than one of zero', t => {
  t.false(temperatureResource in renderUsage({ ...sample, temperatureCelsius: undefined }, 'now').usage)
})

test('before the second sample the processor counts as idle', t => {
  t.is(milliCpu(renderUsage({ ...sample, cpuMillis: undefined }, 'now').usage['cpu'] ?? ''), 0)
})

for (const [title, change, expected] of [
  ['nothing', {}, false],
  ['99 thousandths of a core', { cpuMillis: 1299 }, false],
  ['a tenth of a core', { cpuMillis: 1300 }, true],
  ['a tenth of a core less', { cpuMillis: 1100 }, true],
  ['1 % of the memory', { memoryBytes: 1.04 * gibibyte }, false],
  ['2 % of the memory', { memoryBytes: 1.08 * gibibyte }, true],
  ['half a degree', { temperatureCelsius: 48.812 }, false],
  ['a degree', { temperatureCelsius: 49.312 }, true],
  ['the loss of the sensor', { temperatureCelsius: undefined }, true],
] as Array<[string, Partial<Sample>, boolean]>) {
  test(`${title} is ${expected ? '' : 'no '}news`, t => t.is(hasMoved(sample, { ...sample, ...change }), expected))
}

test('the first reading is news', t => t.true(hasMoved(undefined, sample)))
