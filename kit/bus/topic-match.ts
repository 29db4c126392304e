/** MQTT's topics and wildcards, by the letter of MQTT 3.1.1 section 4.7. */
import { CodedError } from '../errors.ts'

/** Deepest topic that any broker we use takes (aedes' matcher stops at 100 levels). */
const maxLevels = 32
/** MQTT strings carry their length in two bytes; ours are far shorter. */
const maxTopicBytes = 1024

/** True when a message on `topic` belongs to a subscription to `filter`. */
export function matchesTopic(filter: string, topic: string): boolean {
  // [MQTT-4.7.2-1]: a leading wildcard does not match the broker's own `$` topics.
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false
  return coversLevels(filter.split('/'), topic.split('/'))
}

/** True when every topic that `other` matches is matched by `filter` too. */
export function coversFilter(filter: string, other: string): boolean {
  if (other.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false
  return coversLevels(filter.split('/'), other.split('/'))
}

export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#')
}

/** Throws `BadRequest` unless `topic` can be published to. */
export function checkTopic(topic: string): void {
  if (hasWildcard(topic)) throw badTopic(topic, 'a wildcard is only for subscriptions')
  checkShape(topic)
}

/** Throws `BadRequest` unless `filter` can be subscribed to. */
export function checkFilter(filter: string): void {
  checkShape(filter)
  const levels = filter.split('/')
  levels.forEach((level, index) => {
    if (hasWildcard(level) && level.length > 1) throw badTopic(filter, 'a wildcard must fill a whole level')
    if (level === '#' && index < levels.length - 1) throw badTopic(filter, "'#' must come last")
  })
}

function checkShape(topic: string): void {
  if (topic === '') throw badTopic(topic, 'it is empty')
  if (topic.includes('\0')) throw badTopic(topic, 'it holds a null character')
  if (Buffer.byteLength(topic) > maxTopicBytes) throw badTopic(topic, `it is longer than ${maxTopicBytes} bytes`)
  if (topic.split('/').length > maxLevels) throw badTopic(topic, `it has more than ${maxLevels} levels`)
}

function badTopic(topic: string, reason: string): CodedError {
  return new CodedError('BadRequest', `cannot use topic "${topic.slice(0, 80)}": because ${reason}`)
}

function coversLevels(filter: string[], other: string[]): boolean {
  for (const [index, level] of filter.entries()) {
    // `a/#` matches `a` itself as well [MQTT-4.7.1-2].
    if (level === '#') return true
    const against = other[index]
    if (against === undefined || against === '#') return false
    if (level !== '+' && level !== against) return false
  }
  return filter.length === other.length
}
