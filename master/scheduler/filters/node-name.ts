/** A pod that names its node fits no other. */
import type { Filter } from './filter.ts'

export const nodeName: Filter = ({ pod }, node) =>
  pod.spec.nodeName === undefined || pod.spec.nodeName === node.name
    ? undefined
    : "node(s) didn't match the requested node name"
