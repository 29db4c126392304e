/** A pod: where it is, what its containers do, and why it is not elsewhere. */
import type {
  Container,
  ContainerState,
  ContainerStatus,
  EnvVar,
  Pod,
  PodTemplate,
} from '../../contract/resources/pod.ts'
import type { Volume, VolumeMount, VolumeProjection } from '../../contract/resources/volume.ts'
import { podStatusWord } from '../tables/pods.ts'
import { conditionsOf, headOf, pairsOf, quantitiesOf } from './common.ts'
import type { Field, Value } from './page.ts'

export function describePod(pod: Pod): Field[] {
  const { spec, status = {} } = pod
  return [
    ...headOf(pod),
    ['Service Account', spec.serviceAccountName],
    ['Node', spec.nodeName ? `${spec.nodeName}${status.hostIP ? `/${status.hostIP}` : ''}` : '<none>'],
    ['Start Time', status.startTime],
    ['Status', podStatusWord(pod)],
    ['Reason', status.reason],
    ['Message', status.message],
    ['IP', status.podIP ?? '<none>'],
    ['Containers', containersOf(spec.containers, status.containerStatuses)],
    conditionsOf(status.conditions),
    ['Volumes', volumesOf(spec.volumes)],
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
    ['Service Account', spec.serviceAccountName],
    ['Containers', containersOf(spec.containers, undefined)],
    ['Volumes', volumesOf(spec.volumes)],
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
  const { image, ports = [], command, args, resources = {}, env = [], volumeMounts = [] } = container
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
    ['Mounts', volumeMounts.length === 0 ? undefined : volumeMounts.map(describeMount)],
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

function describeMount({ name, mountPath, readOnly, subPath }: VolumeMount): string {
  return `${mountPath} from ${name}${subPath === undefined ? '' : `, path ${subPath}`} (${readOnly ? 'ro' : 'rw'})`
}

/** By name and source: what is in it is for the pod alone. */
function volumesOf(volumes: Volume[] = []): Value | undefined {
  return volumes.length === 0 ? undefined : volumes.map((volume): Field => [volume.name, describeVolume(volume)])
}

function describeVolume({ name: _name, ...sources }: Volume): string {
  const { secret, configMap, projected, emptyDir } = sources
  if (secret) return `secret ${secret.secretName ?? ''}`
  if (configMap) return `config map ${configMap.name ?? ''}`
  if (projected) return (projected.sources ?? []).map(describeProjection).join(', ')
  if (emptyDir) return 'an empty directory'
  return Object.keys(sources).join(', ')
}

function describeProjection({ secret, configMap, serviceAccountToken, ...others }: VolumeProjection): string {
  if (secret) return `secret ${secret.name ?? ''}`
  if (configMap) return `config map ${configMap.name ?? ''}`
  return serviceAccountToken ? 'a token of the service account' : Object.keys(others).join(', ')
}
