/** Checks what nodes say before anybody believes it. Throws `BadRequest`; never changes what it was given. */
import type { Beat, NodePresence, Report } from '../../contract/wire/fleet.ts'
import { asRecord } from '../../kit/bus/bad-messages.ts'
import { CodedError } from '../../kit/errors.ts'

const maxPods = 1000
const maxEvents = 1000

export function readReport(value: unknown): Report {
  const report = asRecord(value)
  const { session, sequence, full, pods = {}, events = [], node, usage, wish } = report
  if (typeof session !== 'string' || session === '') throw bad('session must be a string')
  if (!Number.isSafeInteger(sequence)) throw bad('sequence must be a whole number')
  if (typeof full !== 'boolean') throw bad('full must be true or false')
  const podReports = Object.values(asRecord(pods))
  if (podReports.length > maxPods) throw bad(`pods must be at most ${maxPods}`)
  for (const pod of podReports) readPodReport(pod)
  if (!Array.isArray(events) || events.length > maxEvents) throw bad(`events must be a list of at most ${maxEvents}`)
  for (const event of events) readStrings(event, ['type', 'reason', 'message', 'timestamp'])
  if (node !== undefined) readNodeStatus(node)
  if (usage !== undefined) readStringMap(asRecord(usage)['usage'])
  if (wish !== undefined) asRecord(wish)
  return report as unknown as Report
}

export function readPresence(value: unknown): NodePresence {
  const presence = asRecord(value)
  if (typeof presence['online'] !== 'boolean') throw bad('online must be true or false')
  return presence as unknown as NodePresence
}

export function readBeat(value: unknown): Beat {
  const beat = asRecord(value)
  readStrings(beat, ['session'])
  return beat as unknown as Beat
}

function readPodReport(value: unknown): void {
  readStrings(value, ['namespace', 'name'])
  const { status } = asRecord(value)
  if (status === undefined) return
  const { conditions = [], containerStatuses = [] } = asRecord(status)
  for (const list of [conditions, containerStatuses]) {
    if (!Array.isArray(list)) throw bad('conditions and containerStatuses must be lists')
    list.forEach(asRecord)
  }
}

function readNodeStatus(value: unknown): void {
  const { capacity = {}, allocatable = {}, conditions = [], addresses = [], nodeInfo = {} } = asRecord(value)
  for (const map of [capacity, allocatable, nodeInfo]) readStringMap(map)
  for (const list of [conditions, addresses]) {
    if (!Array.isArray(list)) throw bad('conditions and addresses must be lists')
    for (const item of list) readStrings(item, ['type'])
  }
}

function readStringMap(value: unknown): void {
  const strings = Object.values(asRecord(value)).every(member => typeof member === 'string')
  if (!strings) throw bad('quantities must be strings')
}

function readStrings(value: unknown, fields: string[]): void {
  const record = asRecord(value)
  for (const field of fields) if (typeof record[field] !== 'string') throw bad(`${field} must be a string`)
}

function bad(reason: string): CodedError {
  return new CodedError('BadRequest', `cannot read what a node says: because ${reason}`)
}
