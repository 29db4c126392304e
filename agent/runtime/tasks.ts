/** containerd's own calls behind exec (`api/services/tasks/v1/tasks.proto`, `containers/v1`): processes inside a running container. */
import { hasCode } from '../../kit/errors.ts'
import * as m from './containerd-messages.ts'
import { actionDeadlineMs, queryDeadlineMs } from './cri.ts'
import type { GrpcClient, Method } from './grpc.ts'
import type { Fields, PartialMessage } from './protobuf.ts'

/** The type that containerd gives an OCI process in JSON (containerd `typeurl` with runtime-spec 1). */
const processTypeUrl = 'types.containerd.io/opencontainers/runtime-spec/1/Process'

export const signals = { hangUp: 1, kill: 9 } as const

/** The parts of OCI's process (runtime-spec `config.md`) that an exec changes; the rest is kept as it is. */
export interface OciProcess {
  args: string[]
  terminal?: boolean
  env?: string[]
  [field: string]: unknown
}

export interface ProcessId {
  containerId: string
  execId: string
}

/** Paths of named pipes; an empty one is not connected. */
export interface ProcessPipes {
  stdin: string
  stdout: string
  stderr: string
}

function taskMethod<const Q extends Fields, const R extends Fields>(name: string, request: Q, response: R) {
  return { path: `/containerd.services.tasks.v1.Tasks/${name}`, request, response }
}

const methods = {
  getContainer: {
    path: '/containerd.services.containers.v1.Containers/Get',
    request: m.getContainerRequest,
    response: m.getContainerResponse,
  },
  exec: taskMethod('Exec', m.execRequest, {}),
  start: taskMethod('Start', m.processRequest, {}),
  wait: taskMethod('Wait', m.processRequest, m.waitResponse),
  kill: taskMethod('Kill', m.killRequest, {}),
  resize: taskMethod('ResizePty', m.resizeRequest, {}),
  closeIo: taskMethod('CloseIO', m.closeIoRequest, {}),
  deleteProcess: taskMethod('DeleteProcess', m.processRequest, {}),
}

export class Tasks {
  #client: GrpcClient

  constructor(client: GrpcClient) {
    this.#client = client
  }

  /** What the container's own process was started with: user, environment, working directory, capabilities. */
  async processOf(containerId: string): Promise<OciProcess> {
    const options = { deadlineMs: queryDeadlineMs }
    const { container } = await this.#client.call(methods.getContainer, { id: containerId }, options)
    const spec = JSON.parse(Buffer.from(container?.spec?.value ?? []).toString()) as { process: OciProcess }
    return spec.process
  }

  async start(id: ProcessId, process: OciProcess, pipes: ProcessPipes): Promise<void> {
    const spec = { typeUrl: processTypeUrl, value: Buffer.from(JSON.stringify(process)) }
    await this.#act(methods.exec, { ...id, ...pipes, terminal: process.terminal ?? false, spec })
    await this.#act(methods.start, id)
  }

  /** Resolves to the exit code. No deadline: a shell may stay open for days. */
  async wait(id: ProcessId): Promise<number> {
    const { exitStatus } = await this.#client.call(methods.wait, id, {})
    return exitStatus
  }

  async resize(id: ProcessId, width: number, height: number): Promise<void> {
    await this.#act(methods.resize, { ...id, width, height })
  }

  /** The shim holds stdin open too; this is how it learns that no more will come. */
  async closeStdin(id: ProcessId): Promise<void> {
    await this.#act(methods.closeIo, { ...id, stdin: true })
  }

  /** No error when the process is gone. */
  async kill(id: ProcessId, signal: number): Promise<void> {
    await unlessGone(this.#act(methods.kill, { ...id, signal }))
  }

  /** Forgets an ended process. No error when it is forgotten already. */
  async remove(id: ProcessId): Promise<void> {
    await unlessGone(this.#act(methods.deleteProcess, id))
  }

  async #act<Q extends Fields, R extends Fields>(method: Method<Q, R>, request: PartialMessage<Q>): Promise<void> {
    await this.#client.call(method, request, { deadlineMs: actionDeadlineMs })
  }
}

async function unlessGone(done: Promise<void>): Promise<void> {
  try {
    await done
  } catch (error) {
    // FAILED_PRECONDITION: the process has ended, or was never started.
    if (!hasCode(error, 'NotFound', 'Conflict')) throw error
  }
}
