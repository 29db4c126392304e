/** What a table of one kind shows: its columns, and an object's cells in them. */
import type { KubernetesObject } from '../../contract/resources/meta.ts'
import type { NodeMetrics } from '../../contract/resources/node.ts'

export interface Column<T extends KubernetesObject> {
  title: string
  /** Shown with the kind before it, where several kinds are shown. */
  isName?: true
  /** Only with `-o wide`. */
  wide?: true
  /** In a narrow terminal it may lose its end: what identifies an object, or tells what is wrong, may not. */
  cuttable?: true
  cell: (object: T, context: CellContext) => string
}

export interface CellContext {
  /** Wall clock, ms since 1970. */
  nowMs: number
  /** What the nodes use just now, by name; empty unless asked for. */
  usage: ReadonlyMap<string, NodeMetrics>
}

/** What kubectl prints where there is nothing. */
export const none = '<none>'

export function orNone(text: string | undefined): string {
  return text === undefined || text === '' ? none : text
}
