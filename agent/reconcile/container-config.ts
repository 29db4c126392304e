/** Renders a pod and its containers for the runtime. Pure. */
import { createHash } from 'node:crypto'
import type { Container } from '../../contract/resources/pod.ts'
import { bytesOf, milliCpu } from '../../contract/resources/quantity.ts'
import type { PodWish } from '../../contract/wire/fleet.ts'
import { canonicalJson } from '../../kit/bus/collection.ts'
import type { ContainerConfig, ContainerResources, SandboxConfig } from '../runtime/runtime.ts'
import type { VolumeMountPoint } from '../volumes/volumes.ts'
import { type EnvSources, expand, resolveEnv } from './env.ts'
import { isPrivileged } from './security.ts'
import { crashesAnnotation, graceAnnotation, specHashAnnotation } from './steps.ts'

/** Where pods live on this board. */
export interface BoardPaths {
  /** `/var/log/pods`, as everywhere in Kubernetes, so that log shippers find them. */
  podLogs: string
  /** Files that we make for pods (`<uid>/hosts`). */
  podFiles: string
  /** Parent cgroup of all pods: a path for cgroupfs, a slice such as `flotilla.slice` for systemd. */
  cgroupParent: string
  /** Seccomp profiles that whoever runs the board has put there. */
  seccompProfiles: string
}

export function renderSandbox(pod: PodWish, attempt: number, paths: BoardPaths): SandboxConfig {
  const { name, namespace = 'default', uid = '' } = pod.metadata
  return {
    namespace,
    name,
    uid,
    attempt,
    hostname: pod.spec.hostname ?? name.slice(0, 63),
    hostNetwork: pod.spec.hostNetwork ?? false,
    logDirectory: `${paths.podLogs}/${namespace}_${name}_${uid}`,
    cgroupParent: podCgroup(paths.cgroupParent, uid),
    labels: { ...pod.metadata.labels },
    ...(isPrivileged(pod) && { privileged: true }),
    annotations: { [graceAnnotation]: String(pod.spec.terminationGracePeriodSeconds ?? 30) },
  }
}

/** systemd wants a slice named after its parents with dashes only between levels; cgroupfs wants a path. */
export function podCgroup(parent: string, uid: string): string {
  if (!parent.endsWith('.slice')) return `${parent}/pod${uid}`
  return `${parent.slice(0, -'.slice'.length)}-pod${uid.replaceAll('-', '_')}.slice`
}

export interface ContainerStart {
  container: Container
  attempt: number
  crashes: number
  sources: EnvSources
  hostsPath: string
  volumes: readonly VolumeMountPoint[]
}

export function renderContainer(start: ContainerStart): ContainerConfig {
  const { container, attempt, crashes, sources, hostsPath, volumes } = start
  const env = resolveEnv(container, sources)
  const hosts = sources.pod.spec.hostNetwork
    ? []
    : [{ hostPath: hostsPath, containerPath: '/etc/hosts', readOnly: false }]
  return {
    name: container.name,
    attempt,
    image: container.image,
    command: (container.command ?? []).map(word => expand(word, env)),
    args: (container.args ?? []).map(word => expand(word, env)),
    ...(container.workingDir === undefined ? {} : { workingDir: container.workingDir }),
    env: [...env].map(([name, value]) => ({ name, value })),
    // What the manifest puts there is there.
    mounts: [
      ...hosts.filter(({ containerPath }) => !volumes.some(volume => volume.containerPath === containerPath)),
      ...volumes,
    ],
    logPath: `${container.name}/${attempt}.log`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    resources: renderResources(container),
    labels: {},
    annotations: { [specHashAnnotation]: specHash(container), [crashesAnnotation]: String(crashes) },
  }
}

/** What must be equal for a running container to be left alone; the order in which a master writes the fields is not. */
export function specHash(container: Container): string {
  return createHash('sha256').update(canonicalJson(container)).digest('hex').slice(0, 16)
}

/** The hosts file of a pod: runtimes would copy the board's, which does not know the pod. */
export function renderHosts(pod: PodWish, podIP: string | undefined): string {
  const name = pod.spec.hostname ?? pod.metadata.name
  const own = podIP === undefined ? '' : `${podIP}\t${name}\n`
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${own}`
}

const cpuPeriodMicroseconds = 100_000

/** Kubernetes' mapping: shares from requests, quota and memory limit from limits (kubelet `cm/helpers_linux.go`). */
function renderResources({ resources = {} }: Container): ContainerResources {
  const { requests = {}, limits = {} } = resources
  const cpuRequest = requests['cpu'] ?? limits['cpu']
  return {
    cpuShares: Math.max(2, Math.floor(((cpuRequest === undefined ? 0 : milliCpu(cpuRequest)) * 1024) / 1000)),
    ...(limits['cpu'] === undefined ? {} : quota(milliCpu(limits['cpu']))),
    ...(limits['memory'] === undefined ? {} : { memoryLimitBytes: bytesOf(limits['memory']) }),
    oomScoreAdj: oomScoreAdj(requests['memory'] ?? limits['memory'], limits['memory']),
  }
}

function quota(cpuMillis: number): ContainerResources {
  // The kernel takes no quota below 1 ms (sched/core.c, min_cfs_quota_period).
  const cpuQuotaMicroseconds = Math.max(1000, Math.floor((cpuMillis * cpuPeriodMicroseconds) / 1000))
  return { cpuQuotaMicroseconds, cpuPeriodMicroseconds }
}

/** Under memory pressure the kernel takes pods that promised nothing first, then those that promised less than they may use. */
function oomScoreAdj(request: string | undefined, limit: string | undefined): number {
  if (request === undefined) return 1000
  return limit !== undefined && bytesOf(request) === bytesOf(limit) ? -997 : 500
}
