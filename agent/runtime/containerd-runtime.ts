/** The Runtime over containerd's socket: pods by CRI v1, exits and exec by containerd's own services. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../kit/clock.ts'
import { hasCode } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { type Random, systemRandom } from '../../kit/random.ts'
import { askAgainMidway } from './ask-again.ts'
import { removePodCgroup } from './cgroups.ts'
import { actionDeadlineMs, cri, queryDeadlineMs } from './cri.ts'
import { ExecSessions } from './exec.ts'
import { watchExits } from './exits.ts'
import { GrpcClient } from './grpc.ts'
import { pullImage, readImageStatus } from './images.ts'
import { PodList } from './pod-list.ts'
import { logFile, type OwnerLabels, ownerLabels, toContainerMessage, toSandboxMessage } from './pods.ts'
import type {
  ContainerConfig,
  ExecRequest,
  ExecSession,
  ImageStatus,
  ObservedPod,
  PullOptions,
  Runtime,
  SandboxConfig,
} from './runtime.ts'
import { Tasks } from './tasks.ts'

export interface ContainerdOptions {
  socketPath: string
  clock: Clock
  log: Log
  random?: Random
  /** When given, only pods of this cluster are ours: two clusters may share a board. */
  cluster?: string
  /** Where the pipes of exec sessions live; containerd's shims must see the same path. Default `/run/flotilla/exec`. */
  execDirectory?: string
  /** How long one pull may take in all. Default 30 minutes. */
  pullTimeoutMs?: number
}

/** Connects at the first call, and again after containerd was restarted: a call meanwhile rejects with `ServiceUnavailable`. */
export function connectContainerd(options: ContainerdOptions): Runtime {
  return new ContainerdRuntime(options)
}

const defaultPullTimeoutMs = 30 * 60_000
/** What containerd may need beyond a container's own grace. */
const stopMarginMs = 30_000
const query = { deadlineMs: queryDeadlineMs }
const action = { deadlineMs: actionDeadlineMs }

class ContainerdRuntime implements Runtime {
  #options: ContainerdOptions
  #client: GrpcClient
  #owner: OwnerLabels
  #pods: PodList
  #exec: ExecSessions
  /** Once containerd answers: what an agent before us left running is ended. */
  #sweeping: Promise<void> | undefined
  #closing = new AbortController()
  /** The kernel may be built without it, and then every container would fail to start. */
  #seccomp = existsSync('/proc/sys/kernel/seccomp/actions_avail')

  constructor(options: ContainerdOptions) {
    const { socketPath, clock, log, random = systemRandom, cluster, execDirectory = '/run/flotilla/exec' } = options
    // Another cluster's agent on this board has its own, or each would end the other's sessions.
    const directory = join(execDirectory, cluster ?? 'default')
    this.#options = options
    // CRI's own namespace; CRI ignores the header, containerd's own services need it.
    this.#client = new GrpcClient({ socketPath, clock, metadata: { 'containerd-namespace': 'k8s.io' } })
    this.#owner = ownerLabels(cluster)
    this.#pods = new PodList(this.#client, this.#owner)
    this.#exec = new ExecSessions({ tasks: new Tasks(this.#client), clock, log, random, directory })
  }

  async version(): Promise<{ name: string; version: string }> {
    const { runtimeName, runtimeVersion } = await this.#client.call(cri.version, {}, query)
    return { name: runtimeName, version: runtimeVersion }
  }

  async ready(): Promise<{ ready: boolean; message: string }> {
    const { status } = await this.#client.call(cri.status, {}, query)
    const failed = status?.conditions.filter(condition => !condition.status) ?? []
    const message = failed.map(condition => `${condition.type}: ${condition.message || condition.reason}`).join('; ')
    return { ready: failed.length === 0, message }
  }

  async listPods(): Promise<ObservedPod[]> {
    const pods = await this.#pods.read()
    this.#sweeping ??= this.#sweep()
    return pods
  }

  async runSandbox(sandbox: SandboxConfig): Promise<string> {
    await mkdir(sandbox.logDirectory, { recursive: true })
    const config = toSandboxMessage(sandbox, this.#owner, this.#seccomp)
    const { id } = await this.#client.call(cri.runSandbox, { config }, action)
    return id
  }

  async stopSandbox(id: string): Promise<void> {
    await unlessGone(() => this.#client.call(cri.stopSandbox, { id }, action))
  }

  async removeSandbox(id: string): Promise<void> {
    await unlessGone(() => this.#client.call(cri.removeSandbox, { id }, action))
  }

  removePodCgroup(cgroupParent: string): Promise<void> {
    return removePodCgroup(cgroupParent, { clock: this.#options.clock })
  }

  async createContainer(sandboxId: string, container: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    await mkdir(dirname(logFile(container, sandbox)), { recursive: true })
    const request = {
      sandboxId,
      config: toContainerMessage(container, sandbox, { owner: this.#owner, seccomp: this.#seccomp }),
      sandboxConfig: toSandboxMessage(sandbox, this.#owner, this.#seccomp),
    }
    const { id } = await this.#client.call(cri.createContainer, request, action)
    return id
  }

  async startContainer(id: string): Promise<void> {
    await this.#client.call(cri.startContainer, { id }, action)
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const deadlineMs = graceSeconds * 1000 + stopMarginMs
    const timeout = BigInt(Math.ceil(graceSeconds))
    await unlessGone(() => this.#client.call(cri.stopContainer, { id, timeout }, { deadlineMs }))
  }

  async removeContainer(id: string): Promise<void> {
    await unlessGone(() => this.#client.call(cri.removeContainer, { id }, action))
  }

  imageStatus(image: string): Promise<ImageStatus | undefined> {
    return readImageStatus(this.#client, image)
  }

  pullImage(image: string, options: PullOptions = {}): Promise<string> {
    const deadlineMs = this.#options.pullTimeoutMs ?? defaultPullTimeoutMs
    return pullImage(this.#client, image, { ...options, deadlineMs })
  }

  hasSeccomp(): boolean {
    return this.#seccomp
  }

  exec(containerId: string, request: ExecRequest): Promise<ExecSession> {
    return this.#exec.start(containerId, request)
  }

  watchExits(onChange: () => void): () => void {
    const stop = new AbortController()
    const { clock, log } = this.#options
    const signal = AbortSignal.any([stop.signal, this.#closing.signal])
    void watchExits(this.#client, onChange, { clock, log, signal })
    return () => stop.abort()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#exec.close()
    this.#client.close()
  }

  async #sweep(): Promise<void> {
    try {
      await this.#exec.sweep()
    } catch (error) {
      this.#options.log.warn('cannot end old exec sessions', { error })
      this.#sweeping = undefined // at the next list again
    }
  }
}

/** To stop or remove what is no longer there is to have stopped or removed it. */
async function unlessGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await askAgainMidway(ask)
  } catch (error) {
    if (hasCode(error, 'NotFound')) return undefined
    throw error
  }
}
