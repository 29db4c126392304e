/** Reads the statuses of pods and nodes in a report: only what is known and makes sense gets into an object. */

import type { Condition, ResourceList } from '../../contract/resources/meta.ts'
import { checkLabelValue, checkQualifiedName } from '../../contract/resources/names.ts'
import type { NodeAddress, NodeStatus, NodeSystemInfo } from '../../contract/resources/node.ts'
import type { ContainerState, ContainerStatus, PodStatus } from '../../contract/resources/pod.ts'
import {
  address,
  bad,
  count,
  flag,
  integer,
  listOf,
  mapOf,
  named,
  oneOf,
  prose,
  quantity,
  type Reader,
  record,
  text,
  time,
  word,
} from './read-fields.ts'

/** The kubelet keeps as much of a container's last words. */
const maxMessageLength = 4096
const maxReasonLength = 256
/** Names of images and ids: a reference has at most 255 characters, a digest and a scheme come on top. */
const maxIdLength = 1024
/** Kubernetes' limit of a condition's type (meta/v1 Condition). */
const maxConditionType = 316
const maxConditions = 64
const maxContainers = 200
const maxAddresses = 32
const maxResources = 128

const reason = text(maxReasonLength)
const message = prose(maxMessageLength)
const id = text(maxIdLength)

/** The times of a condition are the master's to set, but for when it changed, which nobody has to believe. */
const readCondition = record<Pick<Condition, 'type' | 'status' | 'reason' | 'message' | 'lastTransitionTime'>>(
  {
    type: word(maxConditionType),
    status: oneOf('True', 'False', 'Unknown'),
    reason,
    message,
    lastTransitionTime: time,
  },
  ['type', 'status'],
)

const readState: Reader<ContainerState> = (value, path) => {
  const state = readStates(value, path)
  if (Object.keys(state).length !== 1) throw bad(path, 'must have one of waiting, running and terminated')
  return state
}

const readStates = record<ContainerState>(
  {
    waiting: record({ reason, message }, []),
    running: record({ startedAt: time }, []),
    terminated: record(
      { exitCode: integer, signal: integer, reason, message, startedAt: time, finishedAt: time, containerID: id },
      ['exitCode'],
    ),
  },
  [],
)

const readContainerStatus = record<ContainerStatus>(
  {
    name: word(maxReasonLength),
    image: id,
    imageID: id,
    containerID: id,
    ready: flag,
    started: flag,
    restartCount: count,
    state: readState,
    lastState: readState,
  },
  ['name', 'image', 'imageID', 'ready', 'restartCount'],
)

export const readPodStatus = record<PodStatus>(
  {
    phase: oneOf('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
    reason,
    message,
    hostIP: address,
    podIP: address,
    podIPs: listOf(record({ ip: address }, ['ip']), maxAddresses),
    startTime: time,
    conditions: listOf(readCondition, maxConditions),
    containerStatuses: listOf(readContainerStatus, maxContainers),
    qosClass: oneOf('Guaranteed', 'Burstable', 'BestEffort'),
  },
  ['phase'],
)

export const readResources: Reader<ResourceList> = mapOf(quantity, {
  max: maxResources,
  key: named(checkQualifiedName),
})

const readAddresses = record<NodeAddress>(
  { type: oneOf('InternalIP', 'ExternalIP', 'Hostname'), address: word(maxReasonLength) },
  ['type', 'address'],
)

/** Routes to the board are made of its addresses; a hostname is only shown. */
const readAddress: Reader<NodeAddress> = (value, path) => {
  const read = readAddresses(value, path)
  if (read.type !== 'Hostname') address(read.address, `${path}.address`)
  return read
}

/** Architecture and system become labels of the node. */
const readNodeInfo = record<NodeSystemInfo>(
  {
    architecture: named(checkLabelValue),
    operatingSystem: named(checkLabelValue),
    osImage: id,
    kernelVersion: id,
    containerRuntimeVersion: id,
    kubeletVersion: id,
    kubeProxyVersion: id,
    machineID: id,
    systemUUID: id,
    bootID: id,
  },
  [],
)

export const readNodeStatus = record<NodeStatus>(
  {
    capacity: readResources,
    allocatable: readResources,
    conditions: listOf(readCondition, maxConditions),
    addresses: listOf(readAddress, maxAddresses),
    nodeInfo: readNodeInfo,
  },
  [],
)
