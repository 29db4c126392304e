/** Events. */
import type { Event } from '../../contract/resources/core.ts'
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import { formatAge } from '../durations.ts'
import { nameColumn } from './common.ts'
import { type Column, orNone } from './table-kind.ts'

export const eventColumns: Column<Event>[] = [
  { title: 'LAST SEEN', cell: (event, { nowMs }) => lastSeen(event, nowMs) },
  { title: 'TYPE', cell: ({ type }) => type },
  { title: 'REASON', cell: ({ reason }) => reason },
  { title: 'OBJECT', cell: ({ involvedObject: { kind, name } }) => `${kind.toLowerCase()}/${name}` },
  { title: 'SOURCE', wide: true, cell: sourceOf },
  { title: 'MESSAGE', cell: ({ message }) => message.trim() },
  { title: 'COUNT', wide: true, cell: ({ count = 1 }) => String(count) },
  { ...nameColumn(), wide: true },
]

/** When it happened last, RFC 3339. */
function eventTime({ lastTimestamp, firstTimestamp, metadata }: Event): string {
  return lastTimestamp ?? firstTimestamp ?? metadata.creationTimestamp ?? ''
}

/** Orders objects that are Events, oldest first; within one second, as they came into the store. */
export function byEventTime(a: KubernetesObject, b: KubernetesObject): number {
  const [first, second] = [a as Event, b as Event]
  return (
    eventTime(first).localeCompare(eventTime(second)) ||
    (first.firstTimestamp ?? '').localeCompare(second.firstTimestamp ?? '') ||
    Number(a.metadata.resourceVersion ?? 0) - Number(b.metadata.resourceVersion ?? 0)
  )
}

/** `2m (x5 over 10m)` when it happened more than once. */
export function lastSeenWithCount(event: Event, nowMs: number): string {
  const seen = lastSeen(event, nowMs)
  if ((event.count ?? 1) < 2) return seen
  return `${seen} (x${event.count} over ${formatAge(event.firstTimestamp, nowMs)})`
}

export function sourceOf({ source }: Event): string {
  return orNone([source?.component, source?.host].filter(Boolean).join(', '))
}

function lastSeen(event: Event, nowMs: number): string {
  return formatAge(eventTime(event), nowMs)
}
