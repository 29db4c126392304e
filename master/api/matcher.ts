/** The selectors of a request as one test. */
import type { AnyObject } from '../../contract/resources/meta.ts'
import { matchesLabels, parseFieldSelector, parseLabelSelector } from '../../contract/resources/selector.ts'
import type { Selectors } from '../../contract/wire/api.ts'

export type Matcher = (object: AnyObject) => boolean

/** Undefined when there is nothing to test. Throws `BadRequest` for a selector that cannot be read. */
export function createMatcher({ labelSelector, fieldSelector }: Selectors): Matcher | undefined {
  const tests: Matcher[] = []
  if (labelSelector) {
    const requirements = parseLabelSelector(labelSelector)
    tests.push(object => matchesLabels(requirements, object.metadata.labels))
  }
  if (fieldSelector) tests.push(parseFieldSelector(fieldSelector))
  return tests.length === 0 ? undefined : object => tests.every(test => test(object))
}
