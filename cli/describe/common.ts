/** Parts of the page that all kinds share. */
import type { Event } from '../../contract/resources/core.ts'
import type { Condition, KubernetesObject } from '../../contract/resources/meta.ts'
import { lastSeenWithCount, sourceOf } from '../tables/events.ts'
import type { Field, Value } from './page.ts'

/** Written by tools for tools; `-o yaml` shows them. */
const hiddenAnnotations = ['kubectl.kubernetes.io/last-applied-configuration']

export function headOf({ metadata }: KubernetesObject): Field[] {
  return [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Labels', pairsOf(metadata.labels)],
    ['Annotations', pairsOf(withoutHidden(metadata.annotations))],
    ['CreationTimestamp', metadata.creationTimestamp],
    ['Deletion', deletionOf(metadata)],
    ['Finalizers', metadata.finalizers?.length ? metadata.finalizers : undefined],
    ['Controlled By', controllerOf(metadata)],
  ]
}

/** `a=1`, one a line. */
export function pairsOf(pairs: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(pairs ?? {}).map(([key, value]) => `${key}=${value}`)
}

export function conditionsOf(conditions: Condition[] | undefined): Field {
  if (!conditions?.length) return ['Conditions', undefined]
  const rows = conditions.map(condition => [
    condition.type,
    condition.status,
    condition.lastTransitionTime ?? '',
    condition.reason ?? '',
    condition.message ?? '',
  ])
  return ['Conditions', { rows: [['Type', 'Status', 'Since', 'Reason', 'Message'], ...rows] }]
}

export function eventsOf(events: Event[], nowMs: number): Field {
  if (events.length === 0) return ['Events', '<none>']
  const rows = events.map(event => [
    event.type,
    event.reason,
    lastSeenWithCount(event, nowMs),
    sourceOf(event),
    event.message.trim(),
  ])
  return ['Events', { rows: [['Type', 'Reason', 'Age', 'From', 'Message'], ...rows] }]
}

export function quantitiesOf(list: Readonly<Record<string, string>> | undefined): Value | undefined {
  const entries = Object.entries(list ?? {})
  return entries.length === 0 ? undefined : entries.map(([name, quantity]): Field => [name, String(quantity)])
}

function withoutHidden(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !hiddenAnnotations.includes(key)))
}

function deletionOf({
  deletionTimestamp,
  deletionGracePeriodSeconds,
}: KubernetesObject['metadata']): string | undefined {
  if (deletionTimestamp === undefined) return undefined
  const grace = deletionGracePeriodSeconds === undefined ? '' : ` (grace ${deletionGracePeriodSeconds} s)`
  return `due ${deletionTimestamp}${grace}`
}

function controllerOf({ ownerReferences = [] }: KubernetesObject['metadata']): string | undefined {
  const owner = ownerReferences.find(reference => reference.controller)
  return owner && `${owner.kind}/${owner.name}`
}
