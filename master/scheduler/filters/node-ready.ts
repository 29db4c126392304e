/** A node that is not ready, or cannot be reached, takes no new pods whatever they tolerate. */
import type { Filter } from './filter.ts'

export const nodeReady: Filter = (_candidate, node) => (node.ready ? undefined : 'node(s) were not ready')
