/** Nodes that cards were flashed for: until their board reports for the first time they are waited for, and not lost. */
import type { Node } from './node.ts'

/** RFC 3339: when the card was flashed. */
export const expectedSinceAnnotation = 'flotilla.dev/expected-since'
/** RFC 3339: when the token on the card runs out. */
export const expectedUntilAnnotation = 'flotilla.dev/expected-until'

/** A board that has said anything about itself was there, whatever somebody has written on its object. */
export function isExpected({ metadata, status }: Node): boolean {
  const hasReported = status?.nodeInfo !== undefined || (status?.conditions?.length ?? 0) > 0
  return metadata.annotations?.[expectedSinceAnnotation] !== undefined && !hasReported
}

/** The node without what was said of it while it was waited for. */
export function withoutExpectation(node: Node): Node {
  const {
    [expectedSinceAnnotation]: _since,
    [expectedUntilAnnotation]: _until,
    ...annotations
  } = node.metadata.annotations ?? {}
  return { ...node, metadata: { ...node.metadata, annotations } }
}
