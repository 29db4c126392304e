/** A Runtime in memory: the true fake that ships with the port and passes the same exam. */
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { type FakeScript, readScript, runFakeExec } from './fake-script.ts'
import type {
  ContainerConfig,
  ExecRequest,
  ExecSession,
  ImageStatus,
  ObservedContainer,
  ObservedPod,
  PullCredentials,
  PullOptions,
  Runtime,
  SandboxConfig,
} from './runtime.ts'

export interface FakeRuntimeOptions {
  clock: Clock
  /** Images already on the board. */
  images?: string[]
  /** Images that a pull finds. */
  registry?: string[]
}

const signalled = 128
const sigkill = signalled + 9
/** What containerd reports for a container whose end nobody saw. */
const unknownExit = 255
/** The calls kept for tests to look at. */
const maxCalls = 1_000

interface FakeContainer {
  observed: ObservedContainer
  script: FakeScript
}

export class FakeRuntime implements Runtime {
  readonly images: Set<string>
  readonly registry: Set<string>
  /** Parent cgroups of pods: a sandbox makes its own, and does not take it away. */
  readonly cgroups = new Set<string>()
  /** What was asked of it, such as `startContainer default/web/main`; questions are not noted. */
  readonly calls: string[] = []
  /** As it was asked to make them, by `<namespace>/<pod>/<container>`. */
  readonly created = new Map<string, ContainerConfig>()
  readonly pulledAs: PullCredentials[] = []
  /** Of all its images. */
  imageUser: number | string = 0
  seccomp = true
  #clock: Clock
  #pods = new Map<string, ObservedPod>()
  #containers = new Map<string, FakeContainer>()
  #failures = new Map<keyof Runtime, Error[]>()
  #watchers = new Set<() => void>()
  #ids = 0

  constructor({ clock, images = [], registry = [] }: FakeRuntimeOptions) {
    this.#clock = clock
    this.images = new Set(images)
    this.registry = new Set(registry)
  }

  /** The next call of `method` rejects with `error`; called twice, the next two do. */
  failNext(method: keyof Runtime, error: Error): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), error])
  }

  /** Ends a running container's process, as a crash would. */
  exit(containerId: string, exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): void {
    const { observed } = this.#container(containerId)
    if (observed.state !== 'running') return
    Object.assign(observed, { state: 'exited', exitCode, reason, finishedAtMs: this.#clock.now() })
    for (const watcher of this.#watchers) watcher()
  }

  /** What a board finds after its plug was pulled: everything is still known, and nothing runs. */
  cutPower(): void {
    for (const pod of this.#pods.values()) Object.assign(pod, { ready: false, ip: undefined })
    for (const id of this.#containers.keys()) this.exit(id, unknownExit, 'Unknown')
  }

  async version(): Promise<{ name: string; version: string }> {
    this.#meet('version')
    return { name: 'fake', version: '1.0.0' }
  }

  async ready(): Promise<{ ready: boolean; message: string }> {
    this.#meet('ready')
    return { ready: true, message: '' }
  }

  async listPods(): Promise<ObservedPod[]> {
    this.#meet('listPods')
    const containers = [...this.#containers.values()].map(({ observed }) => observed)
    return structuredClone([...this.#pods.values()].map(pod => ({ ...pod, containers: containers.filter(isIn(pod)) })))
  }

  async runSandbox(sandbox: SandboxConfig): Promise<string> {
    this.#meet('runSandbox', podName(sandbox))
    const { namespace, name, uid, attempt, hostNetwork, labels, annotations } = sandbox
    const sandboxId = `sandbox-${++this.#ids}`
    this.cgroups.add(sandbox.cgroupParent)
    this.#pods.set(sandboxId, {
      ...{ sandboxId, namespace, name, uid, attempt, hostNetwork, labels, annotations },
      ready: true,
      ip: hostNetwork ? undefined : `10.244.${this.#ids >> 8}.${this.#ids & 255}`,
      createdAtMs: this.#clock.now(),
      containers: [],
    })
    return sandboxId
  }

  async stopSandbox(sandboxId: string): Promise<void> {
    const pod = this.#pods.get(sandboxId)
    this.#meet('stopSandbox', pod ? podName(pod) : sandboxId)
    if (!pod) return
    for (const { observed } of this.#in(pod)) this.exit(observed.id, sigkill)
    Object.assign(pod, { ready: false, ip: undefined })
  }

  async removeSandbox(sandboxId: string): Promise<void> {
    const pod = this.#pods.get(sandboxId)
    this.#meet('removeSandbox', pod ? podName(pod) : sandboxId)
    if (!pod) return
    for (const { observed } of this.#in(pod)) this.#containers.delete(observed.id)
    this.#pods.delete(sandboxId)
  }

  async removePodCgroup(cgroupParent: string): Promise<void> {
    this.#meet('removePodCgroup')
    this.cgroups.delete(cgroupParent)
  }

  async createContainer(sandboxId: string, container: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    this.#meet('createContainer', `${podName(sandbox)}/${container.name}`)
    if (!this.#pods.has(sandboxId)) throw new CodedError('NotFound', `cannot create: because ${sandboxId} is gone`)
    if (!this.images.has(container.image))
      throw new CodedError('NotFound', `cannot create: because image ${container.image} is not here`)
    const id = `${sandboxId}.container-${++this.#ids}`
    this.created.set(`${podName(sandbox)}/${container.name}`, container)
    const observed = observe(container, { id, logDirectory: sandbox.logDirectory, nowMs: this.#clock.now() })
    this.#containers.set(id, { observed, script: readScript([...container.command, ...container.args]) })
    return id
  }

  async startContainer(containerId: string): Promise<void> {
    this.#meet('startContainer', this.#nameOf(containerId))
    const { observed, script } = this.#container(containerId)
    if (observed.state !== 'created') throw new CodedError('Conflict', `cannot start: because it is ${observed.state}`)
    Object.assign(observed, { state: 'running', startedAtMs: this.#clock.now() })
    const { exit } = script
    if (exit)
      this.#clock.after(exit.afterMs, () => this.#containers.has(containerId) && this.exit(containerId, exit.code))
  }

  async stopContainer(containerId: string, graceSeconds: number): Promise<void> {
    this.#meet('stopContainer', this.#nameOf(containerId))
    const container = this.#containers.get(containerId)
    if (container) this.exit(containerId, graceSeconds > 0 ? (container.script.onTerminate ?? sigkill) : sigkill)
  }

  async removeContainer(containerId: string): Promise<void> {
    this.#meet('removeContainer', this.#nameOf(containerId))
    this.#containers.delete(containerId)
  }

  async imageStatus(image: string): Promise<ImageStatus | undefined> {
    this.#meet('imageStatus')
    return this.images.has(image) ? { id: imageId(image), sizeBytes: 1_000_000, user: this.imageUser } : undefined
  }

  async pullImage(image: string, { signal, credentials }: PullOptions = {}): Promise<string> {
    signal?.throwIfAborted()
    this.#meet('pullImage', image)
    if (credentials) this.pulledAs.push(credentials)
    if (!this.registry.has(image)) throw new CodedError('NotFound', `cannot pull ${image}: because nobody has it`)
    this.images.add(image)
    return imageId(image)
  }

  hasSeccomp(): boolean {
    return this.seccomp
  }

  async exec(containerId: string, request: ExecRequest): Promise<ExecSession> {
    this.#meet('exec', this.#nameOf(containerId))
    const { state } = this.#container(containerId).observed
    if (state !== 'running') throw new CodedError('Conflict', `cannot run a command: because the container is ${state}`)
    return runFakeExec(request)
  }

  watchExits(onChange: () => void): () => void {
    this.#watchers.add(onChange)
    return () => this.#watchers.delete(onChange)
  }

  async close(): Promise<void> {
    this.#watchers.clear()
  }

  #meet(method: keyof Runtime, subject?: string): void {
    if (subject !== undefined) {
      this.calls.push(`${method} ${subject}`)
      if (this.calls.length > maxCalls) this.calls.shift()
    }
    const error = this.#failures.get(method)?.shift()
    if (error) throw error
  }

  #container(containerId: string): FakeContainer {
    const found = this.#containers.get(containerId)
    if (!found) throw new CodedError('NotFound', `cannot find container ${containerId}: because there is none`)
    return found
  }

  #in(pod: ObservedPod): FakeContainer[] {
    return [...this.#containers.values()].filter(({ observed }) => isIn(pod)(observed))
  }

  #nameOf(containerId: string): string {
    const pod = this.#pods.get(containerId.split('.')[0] ?? '')
    const container = this.#containers.get(containerId)
    return pod && container ? `${podName(pod)}/${container.observed.name}` : containerId
  }
}

function observe(
  { name, attempt, image, labels, annotations, logPath }: ContainerConfig,
  { id, logDirectory, nowMs }: { id: string; logDirectory: string; nowMs: number },
): ObservedContainer {
  const times = { createdAtMs: nowMs, startedAtMs: 0, finishedAtMs: 0 }
  return {
    ...{ id, name, attempt, image, labels, annotations },
    ...times,
    imageId: imageId(image),
    state: 'created',
    exitCode: 0,
    reason: '',
    message: '',
    logPath: `${logDirectory}/${logPath}`,
  }
}

function isIn({ sandboxId }: ObservedPod): (container: ObservedContainer) => boolean {
  return ({ id }) => id.startsWith(`${sandboxId}.`)
}

function podName({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`
}

function imageId(image: string): string {
  return `sha256:${Buffer.from(image).toString('hex')}`
}
