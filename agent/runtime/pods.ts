/** Pods in our words and in CRI's: pure translation both ways. */
import { join } from 'node:path'
import * as m from './cri-messages.ts'
import type { Message, PartialMessage } from './protobuf.ts'
import type { ContainerConfig, ObservedContainer, ObservedPod, SandboxConfig } from './runtime.ts'
import { seccompMessage, toSecurityMessage } from './security.ts'

/** Labels by which we know our own, and which `crictl` and others understand; callers never see them. */
const podName = 'io.kubernetes.pod.name'
const podNamespace = 'io.kubernetes.pod.namespace'
const podUid = 'io.kubernetes.pod.uid'
const containerName = 'io.kubernetes.container.name'
const managed = 'flotilla.dev/managed'
const clusterLabel = 'flotilla.dev/cluster'
const reservedLabels = [podName, podNamespace, podUid, containerName, managed, clusterLabel]

export type OwnerLabels = Record<string, string>
export type SandboxItem = Message<typeof m.listSandboxesResponse>['items'][number]
export type SandboxStatus = NonNullable<Message<typeof m.sandboxStatusResponse>['status']>
export type ContainerStatus = NonNullable<Message<typeof m.containerStatusResponse>['status']>

/** The labels that every pod and container of ours carries, and that lists select by. */
export function ownerLabels(cluster: string | undefined): OwnerLabels {
  return { [managed]: 'true', ...(cluster !== undefined && { [clusterLabel]: cluster }) }
}

export function toSandboxMessage(
  sandbox: SandboxConfig,
  owner: OwnerLabels,
  seccomp: boolean,
): PartialMessage<typeof m.sandboxConfig> {
  const { namespace, name, uid, attempt } = sandbox
  return {
    metadata: { namespace, name, uid, attempt },
    // CRI refuses a hostname in the board's own UTS namespace.
    hostname: sandbox.hostNetwork ? '' : sandbox.hostname,
    logDirectory: sandbox.logDirectory,
    dnsConfig: sandbox.dns,
    labels: { ...sandbox.labels, ...podLabels(sandbox), ...owner },
    annotations: sandbox.annotations,
    linux: {
      cgroupParent: sandbox.cgroupParent,
      securityContext: {
        namespaceOptions: namespaceOptions(sandbox),
        // CRI refuses a privileged container in a sandbox that is not; containerd then leaves out seccomp by itself.
        privileged: sandbox.privileged ?? false,
        ...seccompMessage('RuntimeDefault', { seccomp }),
      },
    },
  }
}

export function toContainerMessage(
  container: ContainerConfig,
  sandbox: SandboxConfig,
  { owner, seccomp }: { owner: OwnerLabels; seccomp: boolean },
): PartialMessage<typeof m.containerConfig> {
  const { command, args, workingDir, annotations, logPath, stdin, stdinOnce, tty } = container
  const mounts = container.mounts.map(({ readOnly, ...paths }) => ({ ...paths, readonly: readOnly }))
  return {
    metadata: { name: container.name, attempt: container.attempt },
    image: { image: container.image },
    ...{ command, args, workingDir, mounts, annotations, logPath, stdin, stdinOnce, tty },
    envs: container.env.map(({ name, value }) => ({ key: name, value })),
    labels: { ...container.labels, ...podLabels(sandbox), [containerName]: container.name, ...owner },
    linux: {
      resources: toResources(container),
      // Without these the container shares the pause process' PID namespace.
      securityContext: {
        namespaceOptions: namespaceOptions(sandbox),
        ...toSecurityMessage(container.security, { seccomp }),
      },
    },
  }
}

export function toObservedPod(item: SandboxItem, ip: string | undefined, hostNetwork: boolean): ObservedPod {
  const { namespace = '', name = '', uid = '', attempt = 0 } = item.metadata ?? {}
  return {
    ...{ namespace, name, uid, attempt, ip, hostNetwork },
    sandboxId: item.id,
    ready: item.state === m.sandboxReady,
    createdAtMs: toMs(item.createdAt),
    labels: without(item.labels, reservedLabels),
    annotations: item.annotations,
    containers: [],
  }
}

export function toObservedContainer(status: ContainerStatus): ObservedContainer {
  const { id, exitCode, reason, message, logPath, annotations } = status
  return {
    ...{ id, exitCode, reason, message, logPath, annotations },
    name: status.metadata?.name ?? '',
    attempt: status.metadata?.attempt ?? 0,
    image: status.image?.image ?? '',
    imageId: status.imageRef,
    state: m.containerStates[status.state] ?? 'unknown',
    createdAtMs: toMs(status.createdAt),
    startedAtMs: toMs(status.startedAt),
    finishedAtMs: toMs(status.finishedAt),
    labels: without(status.labels, reservedLabels),
  }
}

export function isHostNetwork(status: SandboxStatus): boolean {
  return status.linux?.namespaces?.options?.network === m.namespaceMode.node
}

/** Where CRI will write, so that the directories can be made beforehand. */
export function logFile(container: ContainerConfig, sandbox: SandboxConfig): string {
  return join(sandbox.logDirectory, container.logPath)
}

function podLabels(pod: SandboxConfig): Record<string, string> {
  return { [podName]: pod.name, [podNamespace]: pod.namespace, [podUid]: pod.uid }
}

function namespaceOptions({ hostNetwork }: SandboxConfig): { network: number; pid: number; ipc: number } {
  const { node, pod, container } = m.namespaceMode
  return { network: hostNetwork ? node : pod, pid: container, ipc: pod }
}

function toResources({ resources }: ContainerConfig) {
  const { cpuShares, cpuQuotaMicroseconds, cpuPeriodMicroseconds, memoryLimitBytes, oomScoreAdj } = resources
  return {
    cpuShares: toInt64(cpuShares),
    cpuQuota: toInt64(cpuQuotaMicroseconds),
    cpuPeriod: toInt64(cpuPeriodMicroseconds),
    memoryLimitInBytes: toInt64(memoryLimitBytes),
    oomScoreAdj: toInt64(oomScoreAdj),
  }
}

function toInt64(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(Math.trunc(value))
}

function toMs(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n)
}

function without(map: Record<string, string>, keys: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)))
}
