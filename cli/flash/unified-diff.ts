/** The adapter of `diff`: how a file changes, as patch(1) reads it. */
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff'

/** Undefined `before`: the file is new. Empty when nothing changes. */
export function unifiedDiff(path: string, before: string | undefined, after: string): string {
  if (before === after) return ''
  const from = before === undefined ? '/dev/null' : `stock/${path}`
  return createTwoFilesPatch(from, `card/${path}`, before ?? '', after, undefined, undefined, {
    headerOptions: FILE_HEADERS_ONLY,
  })
}
