/** The CRI v1 methods that we call (kubernetes/cri-api `pkg/apis/runtime/v1/api.proto`), with how long each may take. */
import * as m from './cri-messages.ts'
import type { Method } from './grpc.ts'
import type { Fields } from './protobuf.ts'

function runtimeMethod<const Q extends Fields, const R extends Fields>(
  name: string,
  request: Q,
  response: R,
): Method<Q, R> {
  return { path: `/runtime.v1.RuntimeService/${name}`, request, response }
}

function imageMethod<const Q extends Fields, const R extends Fields>(
  name: string,
  request: Q,
  response: R,
): Method<Q, R> {
  return { path: `/runtime.v1.ImageService/${name}`, request, response }
}

export const cri = {
  version: runtimeMethod('Version', m.versionRequest, m.versionResponse),
  status: runtimeMethod('Status', m.empty, m.statusResponse),
  runSandbox: runtimeMethod('RunPodSandbox', m.runSandboxRequest, m.sandboxId),
  stopSandbox: runtimeMethod('StopPodSandbox', m.sandboxId, m.empty),
  removeSandbox: runtimeMethod('RemovePodSandbox', m.sandboxId, m.empty),
  sandboxStatus: runtimeMethod('PodSandboxStatus', m.sandboxId, m.sandboxStatusResponse),
  listSandboxes: runtimeMethod('ListPodSandbox', m.listSandboxesRequest, m.listSandboxesResponse),
  createContainer: runtimeMethod('CreateContainer', m.createContainerRequest, m.containerId),
  startContainer: runtimeMethod('StartContainer', m.containerId, m.empty),
  stopContainer: runtimeMethod('StopContainer', m.stopContainerRequest, m.empty),
  removeContainer: runtimeMethod('RemoveContainer', m.containerId, m.empty),
  listContainers: runtimeMethod('ListContainers', m.listContainersRequest, m.listContainersResponse),
  containerStatus: runtimeMethod('ContainerStatus', m.containerId, m.containerStatusResponse),
  imageStatus: imageMethod('ImageStatus', m.imageStatusRequest, m.imageStatusResponse),
  pullImage: imageMethod('PullImage', m.pullImageRequest, m.pullImageResponse),
}

/** Questions are answered from memory; a board that swaps may still need seconds. */
export const queryDeadlineMs = 10_000
/** Calls that start or end processes and run CNI plugins: kubelet gives them two minutes. */
export const actionDeadlineMs = 120_000
