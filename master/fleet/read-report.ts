/** Checks what nodes say before anybody believes it. Throws `BadRequest`; never changes what it was given. */
import { checkLabelName, checkSubdomainName } from '../../contract/resources/names.ts'
import type { Beat, NodePresence, NodeUsage, PodReport, Report, ReportedEvent } from '../../contract/wire/fleet.ts'
import { count, flag, listOf, mapOf, named, oneOf, prose, type Reader, record, time, word } from './read-fields.ts'
import { readNodeStatus, readPodStatus, readResources } from './read-status.ts'

/** A board runs about a hundred pods; those that it has just ended come on top. */
const maxPods = 1000
const maxEvents = 1000
const maxIdLength = 128
/** Kubernetes' limit of an Event's reason, and of its message. */
const maxReasonLength = 128
const maxMessageLength = 1024

const namespace = named(checkLabelName)
const podName = named(checkSubdomainName)
const uid = word(maxIdLength)
const session = word(maxIdLength)

const podReport = record<PodReport>({ namespace, name: podName, status: readPodStatus, gone: flag }, [
  'namespace',
  'name',
])

const event = record<ReportedEvent>(
  {
    pod: record({ namespace, name: podName, uid }, ['namespace', 'name', 'uid']),
    type: oneOf('Normal', 'Warning'),
    reason: word(maxReasonLength),
    message: prose(maxMessageLength),
    timestamp: time,
  },
  ['type', 'reason', 'message', 'timestamp'],
)

const report = record<Report>(
  {
    session,
    sequence: count,
    full: flag,
    wish: record({ epoch: count, generation: count }, ['epoch', 'generation']),
    node: readNodeStatus,
    usage: record<NodeUsage>({ timestamp: time, usage: readResources }, ['timestamp', 'usage']),
    pods: mapOf(podReport, { max: maxPods, key: uid }),
    events: listOf(event, maxEvents),
  },
  ['session', 'sequence', 'full'],
)

const presence = record<NodePresence>({ online: flag, session, reason: oneOf('shutdown') }, ['online'])
const beat = record<Beat>({ session }, ['session'])
const nodeName: Reader<string> = named(checkLabelName)

export function readReport(value: unknown): Report {
  return report(value, 'report')
}

export function readPresence(value: unknown): NodePresence {
  return presence(value, 'presence')
}

export function readBeat(value: unknown): Beat {
  return beat(value, 'beat')
}

/** A topic may have any level where a name should be; an object may not have any name. */
export function readNodeName(value: string | undefined): string {
  return nodeName(value, 'the name of the node')
}
