/** A pod: where it is, what its containers do, and why it is not elsewhere. */
import type {
  Container,
  ContainerState,
  ContainerStatus,
  EnvVar,
  Pod,
  PodTemplate,
} from '../../contract/resources/pod.ts'
import { podStatusWord } from '../tables/pods.ts'
import { conditionsOf, headOf, pairsOf, quantitiesOf } from './common.ts'
import type { Field, Value } from './page.ts'

export function describePod(pod: Pod): Field[] {
  const { spec, status = {} } = pod
  return [
    ...headOf(pod),
    ['Node', spec.nodeName ? `${spec.nodeName}${status.hostIP ? `/${status.hostIP}` : ''}` : '<none>'],
    ['Start Time', status.startTime],
    ['Status', podStatusWord(pod)],
    ['Reason', status.reason],
    ['Message', status.message],
    ['IP', status.podIP ?? '<none>'],
    ['Containers', containersOf(spec.containers, status.containerStatuses)],
    conditionsOf(status.conditions),
    ['QoS Class', status.qosClass],
    ['Node-Selectors', pairsOf(spec.nodeSelector)],
    [
      'Tolerations',
      (spec.tolerations ?? []).map(({ key = '', operator, value, effect }) => {
        const equals = operator === 'Exists' || value === undefined ? '' : `=${value}`
        return `${key}${equals}${effect ? `:${effect}` : ''} op=${operator ?? 'Equal'}`
      }),
    ],
  ]
}

export function describeTemplate({ metadata, spec }: PodTemplate): Value {
  return [
    ['Labels', pairsOf(metadata?.labels)],
    ['Containers', containersOf(spec.containers, undefined)],
    ['Node-Selectors', pairsOf(spec.nodeSelector)],
  ]
}

function containersOf(containers: Container[], statuses: ContainerStatus[] | undefined): Value {
  return containers.map((container): Field => {
    const status = statuses?.find(candidate => candidate.name === container.name)
    return [container.name, containerFields(container, status)]
  })
}

function containerFields(container: Container, status: ContainerStatus | undefined): Field[] {
  const { image, ports = [], command, args, resources = {}, env = [] } = container
  return [
    ['Container ID', status?.containerID],
    ['Image', image],
    ['Image ID', status?.imageID || undefined],
    ['Ports', ports.length === 0 ? undefined : ports.map(port => `${port.containerPort}/${port.protocol ?? 'TCP'}`)],
    ['Command', command],
    ['Args', args],
    ['State', status && describeState(status.state)],
    ['Last State', status?.lastState?.terminated && describeState(status.lastState)],
    ['Ready', status && String(status.ready)],
    ['Restart Count', status && String(status.restartCount)],
    ['Limits', quantitiesOf(resources.limits)],
    ['Requests', quantitiesOf(resources.requests)],
    ['Environment', env.length === 0 ? undefined : env.map(describeVariable)],
  ]
}

/** `Terminated: OOMKilled, exit code 137, 2026-01-01T00:00:00Z to …`. */
function describeState(state: ContainerState | undefined): string {
  if (state?.running) return `Running since ${state.running.startedAt ?? 'unknown'}`
  if (state?.terminated) {
    const { reason = 'Terminated', exitCode, signal, startedAt, finishedAt, message } = state.terminated
    const how = signal ? `signal ${signal}` : `exit code ${exitCode}`
    const when = finishedAt ? `, ${startedAt ?? '?'} to ${finishedAt}` : ''
    return `Terminated: ${reason}, ${how}${when}${message ? `: ${message}` : ''}`
  }
  const { reason = 'not reported yet', message } = state?.waiting ?? {}
  return `Waiting: ${reason}${message ? `: ${message}` : ''}`
}

function describeVariable({ name, value, valueFrom }: EnvVar): string {
  if (!valueFrom) return `${name}: ${value ?? ''}`
  const { configMapKeyRef, fieldRef } = valueFrom
  // Where it comes from, never what it is.
  const secretKeyRef = valueFrom['secretKeyRef'] as { name: string; key: string } | undefined
  if (secretKeyRef) return `${name}: <key ${secretKeyRef.key} of secret ${secretKeyRef.name}>`
  if (configMapKeyRef) return `${name}: <key ${configMapKeyRef.key} of config map ${configMapKeyRef.name}>`
  if (fieldRef) return `${name}: <field ${fieldRef.fieldPath}>`
  return `${name}: <${Object.keys(valueFrom).join(', ')}>`
}
