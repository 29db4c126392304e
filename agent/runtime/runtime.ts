/** The Runtime port: pods and containers on this board, in the words of Kubernetes' container runtime interface (CRI). */
import type { Duplex } from 'node:stream'

export interface Runtime {
  version(): Promise<{ name: string; version: string }>
  /** True when the runtime and its network are ready; else why not. */
  ready(): Promise<{ ready: boolean; message: string }>
  /** All pod sandboxes that carry our labels, with their containers; never those that others run here. */
  listPods(): Promise<ObservedPod[]>
  /** Makes the network namespace, calls CNI, starts the pause process. Resolves to the sandbox id. */
  runSandbox(sandbox: SandboxConfig): Promise<string>
  /** Kills what runs in it and lets go of its network. Idempotent; no error when it is gone. */
  stopSandbox(sandboxId: string): Promise<void>
  removeSandbox(sandboxId: string): Promise<void>
  /** For when a pod's last sandbox is gone; kills what still runs in it. Idempotent. */
  removePodCgroup(cgroupParent: string): Promise<void>
  createContainer(sandboxId: string, container: ContainerConfig, sandbox: SandboxConfig): Promise<string>
  startContainer(containerId: string): Promise<void>
  /** SIGTERM, then SIGKILL after `graceSeconds`. Idempotent. */
  stopContainer(containerId: string, graceSeconds: number): Promise<void>
  removeContainer(containerId: string): Promise<void>
  /** Undefined when the image is not on the board. */
  imageStatus(image: string): Promise<ImageStatus | undefined>
  /** Resolves to the image's id. Rejects with `NotFound`, `Unauthorized`, `Timeout` or `ServiceUnavailable`. */
  pullImage(image: string, options?: PullOptions): Promise<string>
  /** False where the kernel has no seccomp filters: containers then run without the profile that is their default. */
  hasSeccomp(): boolean
  /** A process in a running container. */
  exec(containerId: string, options: ExecRequest): Promise<ExecSession>
  /** Calls `onChange` soon (about 10 ms) after any container's process has ended; reconnects by itself. */
  watchExits(onChange: () => void): () => void
  close(): Promise<void>
}

export interface PodIdentity {
  namespace: string
  name: string
  uid: string
}

export interface SandboxConfig extends PodIdentity {
  /** Counts the sandboxes that the pod has had on this board, from 0. */
  attempt: number
  hostname: string
  hostNetwork: boolean
  logDirectory: string
  /** Parent cgroup path of the pod. */
  cgroupParent: string
  labels: Record<string, string>
  annotations: Record<string, string>
  /** One of its containers will be. */
  privileged?: boolean
  dns?: { servers: string[]; searches: string[]; options: string[] }
}

export interface ContainerConfig {
  name: string
  /** Counts restarts, from 0. */
  attempt: number
  image: string
  command: string[]
  args: string[]
  workingDir?: string
  env: Array<{ name: string; value: string }>
  mounts: Array<{ hostPath: string; containerPath: string; readOnly: boolean }>
  /** Relative to the sandbox's `logDirectory`. */
  logPath: string
  stdin: boolean
  stdinOnce: boolean
  tty: boolean
  resources: ContainerResources
  /** Without it: the image's user, no new privileges, RuntimeDefault. */
  security?: ContainerSecurity
  labels: Record<string, string>
  annotations: Record<string, string>
}

/** What is left out is the image's or the runtime's own choice. */
export interface ContainerSecurity {
  privileged?: boolean
  /** Its processes may gain rights that their parent had not, by setuid files and the like. */
  allowPrivilegeEscalation?: boolean
  readOnlyRootfs?: boolean
  /** A number; or a name that the image knows. */
  runAsUser?: number | string
  runAsGroup?: number
  supplementalGroups?: number[]
  /** Without `CAP_`. */
  capabilities?: { add: string[]; drop: string[] }
  seccomp?: Seccomp
}

/** A file of the board, when it is none of the two. */
export type Seccomp = 'RuntimeDefault' | 'Unconfined' | { path: string }

export interface PullOptions {
  signal?: AbortSignal
  credentials?: PullCredentials | undefined
}

export interface PullCredentials {
  username: string
  password: string
}

export interface ContainerResources {
  cpuShares?: number
  cpuQuotaMicroseconds?: number
  cpuPeriodMicroseconds?: number
  memoryLimitBytes?: number
  oomScoreAdj?: number
}

export interface ObservedPod extends PodIdentity {
  sandboxId: string
  attempt: number
  /** False after a reboot or when the pause process died: such a sandbox is only good for removal. */
  ready: boolean
  ip: string | undefined
  hostNetwork: boolean
  createdAtMs: number
  labels: Record<string, string>
  annotations: Record<string, string>
  containers: ObservedContainer[]
}

export interface ObservedContainer {
  id: string
  name: string
  attempt: number
  image: string
  imageId: string
  state: 'created' | 'running' | 'exited' | 'unknown'
  createdAtMs: number
  startedAtMs: number
  finishedAtMs: number
  exitCode: number
  /** `OOMKilled`, `Error`, `Completed` as CRI says. */
  reason: string
  message: string
  /** Absolute path of its log file, in CRI's format. */
  logPath: string
  labels: Record<string, string>
  annotations: Record<string, string>
}

export interface ImageStatus {
  id: string
  sizeBytes: number
  /** Whom its processes run as: 0 when it does not say, a text when it gives a name. */
  user: number | string
}

export interface ExecRequest {
  command: string[]
  stdin: boolean
  tty: boolean
}

export interface ExecSession {
  /**
   * Bytes of stdout (and of stderr when tty); writing goes to stdin, `end()` closes it. Back-pressure holds.
   * A terminal has no end of input: with tty, who types sends Ctrl-D.
   */
  stdio: Duplex
  /** Ends at once when tty. */
  stderr: NodeJS.ReadableStream
  resize(columns: number, rows: number): void
  /** Resolves to the exit code when the process has ended, which may be before its last output was read; never rejects. */
  exit: Promise<number>
  /** Ends the session, and the process with it: hang-up first, SIGKILL 2 s later. Idempotent. */
  close(): void
}
