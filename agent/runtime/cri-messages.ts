/** CRI v1 on the wire: the messages and fields that we use, after kubernetes/cri-api `pkg/apis/runtime/v1/api.proto`. */
import { many, one, stringMap } from './protobuf.ts'

/** `NamespaceMode` */
export const namespaceMode = { pod: 0, container: 1, node: 2 } as const
/** `PodSandboxState` */
export const sandboxReady = 0
/** `ContainerState`, by number. */
export const containerStates = ['created', 'running', 'exited', 'unknown'] as const
/** `SecurityProfile.ProfileType` */
export const seccompProfiles = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const

export const empty = {}

export const versionRequest = { version: one(1, 'string') }
export const versionResponse = { runtimeName: one(2, 'string'), runtimeVersion: one(3, 'string') }

const condition = {
  type: one(1, 'string'),
  status: one(2, 'bool'),
  reason: one(3, 'string'),
  message: one(4, 'string'),
}
export const statusResponse = { status: one(1, { conditions: many(1, condition) }) }

const namespaceOption = { network: one(1, 'int32'), pid: one(2, 'int32'), ipc: one(3, 'int32') }
const securityProfile = { profileType: one(1, 'int32'), localhostRef: one(2, 'string') }
/** A number that may be absent, and may be 0. */
const int64Value = { value: one(1, 'int64') }
const dnsConfig = { servers: many(1, 'string'), searches: many(2, 'string'), options: many(3, 'string') }

const sandboxMetadata = {
  name: one(1, 'string'),
  uid: one(2, 'string'),
  namespace: one(3, 'string'),
  attempt: one(4, 'uint32'),
}

export const sandboxConfig = {
  metadata: one(1, sandboxMetadata),
  hostname: one(2, 'string'),
  logDirectory: one(3, 'string'),
  dnsConfig: one(4, dnsConfig),
  labels: stringMap(6),
  annotations: stringMap(7),
  linux: one(8, {
    cgroupParent: one(1, 'string'),
    securityContext: one(2, {
      namespaceOptions: one(1, namespaceOption),
      privileged: one(6, 'bool'),
      seccomp: one(9, securityProfile),
    }),
  }),
}

export const runSandboxRequest = { config: one(1, sandboxConfig) }
/** Of RunPodSandbox's answer and of StopPodSandbox, RemovePodSandbox and PodSandboxStatus' questions. */
export const sandboxId = { id: one(1, 'string') }

export const sandboxStatusResponse = {
  status: one(1, {
    id: one(1, 'string'),
    state: one(3, 'int32'),
    network: one(5, { ip: one(1, 'string') }),
    linux: one(6, { namespaces: one(1, { options: one(2, namespaceOption) }) }),
    annotations: stringMap(8),
  }),
}

export const listSandboxesRequest = { filter: one(1, { labelSelector: stringMap(3) }) }
export const listSandboxesResponse = {
  items: many(1, {
    id: one(1, 'string'),
    metadata: one(2, sandboxMetadata),
    state: one(3, 'int32'),
    createdAt: one(4, 'int64'),
    labels: stringMap(5),
    annotations: stringMap(6),
  }),
}

const containerMetadata = { name: one(1, 'string'), attempt: one(2, 'uint32') }
const imageSpec = { image: one(1, 'string') }

export const containerConfig = {
  metadata: one(1, containerMetadata),
  image: one(2, imageSpec),
  command: many(3, 'string'),
  args: many(4, 'string'),
  workingDir: one(5, 'string'),
  envs: many(6, { key: one(1, 'string'), value: one(2, 'string') }),
  mounts: many(7, { containerPath: one(1, 'string'), hostPath: one(2, 'string'), readonly: one(3, 'bool') }),
  labels: stringMap(9),
  annotations: stringMap(10),
  logPath: one(11, 'string'),
  stdin: one(12, 'bool'),
  stdinOnce: one(13, 'bool'),
  tty: one(14, 'bool'),
  linux: one(15, {
    resources: one(1, {
      cpuPeriod: one(1, 'int64'),
      cpuQuota: one(2, 'int64'),
      cpuShares: one(3, 'int64'),
      memoryLimitInBytes: one(4, 'int64'),
      oomScoreAdj: one(5, 'int64'),
    }),
    securityContext: one(2, {
      capabilities: one(1, { add: many(1, 'string'), drop: many(2, 'string') }),
      privileged: one(2, 'bool'),
      namespaceOptions: one(3, namespaceOption),
      runAsUser: one(5, int64Value),
      runAsUsername: one(6, 'string'),
      readonlyRootfs: one(7, 'bool'),
      supplementalGroups: many(8, 'int64'),
      noNewPrivs: one(11, 'bool'),
      runAsGroup: one(12, int64Value),
      maskedPaths: many(13, 'string'),
      readonlyPaths: many(14, 'string'),
      seccomp: one(15, securityProfile),
    }),
  }),
}

export const createContainerRequest = {
  sandboxId: one(1, 'string'),
  config: one(2, containerConfig),
  sandboxConfig: one(3, sandboxConfig),
}
/** Of CreateContainer's answer and of StartContainer, RemoveContainer and ContainerStatus' questions. */
export const containerId = { id: one(1, 'string') }
export const stopContainerRequest = { id: one(1, 'string'), timeout: one(2, 'int64') }

export const listContainersRequest = { filter: one(1, { labelSelector: stringMap(4) }) }
export const listContainersResponse = {
  containers: many(1, { id: one(1, 'string'), sandboxId: one(2, 'string'), state: one(6, 'int32') }),
}

export const containerStatusResponse = {
  status: one(1, {
    id: one(1, 'string'),
    metadata: one(2, containerMetadata),
    state: one(3, 'int32'),
    createdAt: one(4, 'int64'),
    startedAt: one(5, 'int64'),
    finishedAt: one(6, 'int64'),
    exitCode: one(7, 'int32'),
    image: one(8, imageSpec),
    imageRef: one(9, 'string'),
    reason: one(10, 'string'),
    message: one(11, 'string'),
    labels: stringMap(12),
    annotations: stringMap(13),
    logPath: one(15, 'string'),
  }),
}

export const imageStatusRequest = { image: one(1, imageSpec) }
export const imageStatusResponse = {
  image: one(1, {
    id: one(1, 'string'),
    size: one(4, 'uint64'),
    uid: one(5, int64Value),
    username: one(6, 'string'),
  }),
}
export const pullImageRequest = {
  image: one(1, imageSpec),
  auth: one(2, { username: one(1, 'string'), password: one(2, 'string') }),
}
export const pullImageResponse = { imageRef: one(1, 'string') }
