/** containerd's own services on the wire: the messages and fields that we use, each with its source in containerd/containerd. */
import { many, one } from './protobuf.ts'

/** `google/protobuf/any.proto` */
const any = { typeUrl: one(1, 'string'), value: one(2, 'bytes') }

/** `api/services/events/v1/events.proto` */
export const subscribeRequest = { filters: many(1, 'string') }
export const eventEnvelope = { namespace: one(2, 'string'), topic: one(3, 'string'), event: one(4, any) }

/** `api/events/task.proto`: `id` names the exec, or is the container's own. */
export const taskExit = { containerId: one(1, 'string'), id: one(2, 'string') }

/** `api/services/containers/v1/containers.proto` */
export const getContainerRequest = { id: one(1, 'string') }
export const getContainerResponse = { container: one(1, { id: one(1, 'string'), spec: one(5, any) }) }

/** `api/services/tasks/v1/tasks.proto`, from here on. */
export const execRequest = {
  containerId: one(1, 'string'),
  stdin: one(2, 'string'),
  stdout: one(3, 'string'),
  stderr: one(4, 'string'),
  terminal: one(5, 'bool'),
  spec: one(6, any),
  execId: one(7, 'string'),
}
/** Of Start, Wait and DeleteProcess. */
export const processRequest = { containerId: one(1, 'string'), execId: one(2, 'string') }
export const killRequest = { containerId: one(1, 'string'), execId: one(2, 'string'), signal: one(3, 'uint32') }
export const resizeRequest = {
  containerId: one(1, 'string'),
  execId: one(2, 'string'),
  width: one(3, 'uint32'),
  height: one(4, 'uint32'),
}
export const closeIoRequest = { containerId: one(1, 'string'), execId: one(2, 'string'), stdin: one(3, 'bool') }
export const waitResponse = { exitStatus: one(1, 'uint32') }
