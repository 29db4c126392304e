/** Cells that tables of several kinds share. */
import type { KubernetesObject, LabelSelector } from '../../contract/resources/meta.ts'
import type { Container } from '../../contract/resources/pod.ts'
import { formatAge } from '../durations.ts'
import { type Column, none } from './table-kind.ts'

export function nameColumn<T extends KubernetesObject>(title = 'NAME'): Column<T> {
  return { title, isName: true, cell: object => object.metadata.name }
}

export function ageColumn<T extends KubernetesObject>(): Column<T> {
  return { title: 'AGE', cell: (object, { nowMs }) => formatAge(object.metadata.creationTimestamp, nowMs) }
}

/** Columns of a pod template, `-o wide`. */
export function templateColumns<T extends KubernetesObject>(templateOf: (object: T) => Container[]): Column<T>[] {
  const join = (object: T, field: 'name' | 'image'): string =>
    templateOf(object)
      .map(container => container[field])
      .join(',')
  return [
    { title: 'CONTAINERS', wide: true, cuttable: true, cell: object => join(object, 'name') },
    { title: 'IMAGES', wide: true, cuttable: true, cell: object => join(object, 'image') },
  ]
}

/** `a=1,b=2`, or `<none>`. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return pairs.length === 0 ? none : pairs.sort().join(',')
}

export function formatSelector(selector: LabelSelector | undefined): string {
  const terms = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    if (operator === 'Exists') terms.push(key)
    else if (operator === 'DoesNotExist') terms.push(`!${key}`)
    else terms.push(`${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`)
  }
  return terms.length === 0 ? none : terms.join(',')
}
