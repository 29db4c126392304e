/** Starts a container of a pod: its volumes, its environment, its image, its rights, then the container itself. */
import { writeFile } from 'node:fs/promises'
import type { Container } from '../../contract/resources/pod.ts'
import type { PodWish, SecretContents } from '../../contract/wire/fleet.ts'
import { makeDirectory } from '../../kit/directory.ts'
import { hasCode, messageOf } from '../../kit/errors.ts'
import type { ContainerConfig, ContainerSecurity, ImageStatus } from '../runtime/runtime.ts'
import { renderContainer, renderHosts, renderSandbox } from './container-config.ts'
import { expand, resolveEnv, secretNamesOf } from './env.ts'
import { type Executor, emit, type StepContext } from './executor.ts'
import { directoryOf, makePodFiles } from './pod-files.ts'
import { configFailure, mountFailure } from './pod-record.ts'
import { findCredentials } from './pull-credentials.ts'
import { resolveSecurity } from './security.ts'
import type { Step } from './steps.ts'

type StartStep = Extract<Step, { type: 'startContainer' }>

/** A failure to start is kept in the record, shown in the status, and tried again after its back-off. */
export async function startContainer(step: StartStep, context: StepContext): Promise<void> {
  const { wish, record, executor, turns } = context
  if (!wish) return
  const { container } = step
  const note = { phase: mountFailure }
  try {
    await makePodFiles(executor.paths, renderSandbox(wish, 0, executor.paths))
    await executor.volumes.make(wish)
    note.phase = configFailure
    const config = await prepareConfig(step, wish, executor)
    note.phase = 'ErrImagePull'
    const image = await ensureImage(container, wish, { executor, turns })
    note.phase = configFailure
    config.security = decideSecurity(container, wish, { image, executor })
    note.phase = 'CreateContainerError'
    await turns.start.take(async () => {
      const id = await executor.runtime.createContainer(step.sandboxId, config, renderSandbox(wish, 0, executor.paths))
      emit(executor, wish, { type: 'Normal', reason: 'Created', message: `Created container ${container.name}` })
      note.phase = 'RunContainerError'
      await executor.runtime.startContainer(id)
    })
    record.failures.delete(container.name)
    emit(executor, wish, { type: 'Normal', reason: 'Started', message: `Started container ${container.name}` })
  } catch (error) {
    const nowMs = executor.clock.monotonic()
    const failure = record.fail(container.name, { reason: note.phase, message: messageOf(error), nowMs })
    const reason = note.phase === mountFailure ? 'FailedMount' : 'Failed'
    emit(executor, wish, { type: 'Warning', reason, message: `${container.name}: ${failure.message}` })
  }
}

async function prepareConfig(step: StartStep, pod: PodWish, executor: Executor): Promise<ContainerConfig> {
  const { container } = step
  const sandbox = renderSandbox(pod, 0, executor.paths)
  const hostsPath = `${directoryOf(executor.paths, sandbox.uid)}/hosts`
  const secrets = await openSecrets(pod, secretNamesOf(container), executor)
  const sources = { ...executor.sources(), pod, podIP: step.podIP, secrets }
  const env = resolveEnv(container, sources)
  const volumes = await executor.volumes.mountsOf(pod, container, text => expand(text, env))
  const { attempt, crashes } = step
  const config = renderContainer({ container, attempt, crashes, sources, hostsPath, volumes })
  await writeFile(hostsPath, renderHosts(pod, step.podIP))
  await makeDirectory(`${sandbox.logDirectory}/${container.name}`)
  return config
}

/** Those that are there. */
async function openSecrets(
  pod: PodWish,
  names: readonly string[],
  executor: Executor,
): Promise<Map<string, SecretContents>> {
  const opened = new Map<string, SecretContents>()
  for (const name of names) {
    const key = `${pod.metadata.namespace}/${name}`
    const secret = await executor.openSecret(key)
    if (secret) opened.set(key, secret)
  }
  return opened
}

function decideSecurity(
  container: Container,
  pod: PodWish,
  { image, executor }: { image: ImageStatus; executor: Executor },
): ContainerSecurity {
  const hasSeccomp = executor.runtime.hasSeccomp()
  const { seccompProfiles } = executor.paths
  const security = resolveSecurity(pod, container, { image, hasSeccomp, seccompProfiles })
  if (!hasSeccomp && security.seccomp !== 'Unconfined') {
    const message = `${container.name} runs without a seccomp filter: this board's kernel has none`
    emit(executor, pod, { type: 'Warning', reason: 'SeccompUnavailable', message })
  }
  return security
}

async function ensureImage(
  container: Container,
  pod: PodWish,
  { executor, turns }: Pick<StepContext, 'executor' | 'turns'>,
): Promise<ImageStatus> {
  const { image, imagePullPolicy = 'IfNotPresent' } = container
  const present = await executor.runtime.imageStatus(image)
  if (present && imagePullPolicy !== 'Always') return present
  if (imagePullPolicy === 'Never') throw new Error(`image ${image} is not on this board, and imagePullPolicy is Never`)
  emit(executor, pod, { type: 'Normal', reason: 'Pulling', message: `Pulling image ${image}` })
  const startMs = executor.clock.monotonic()
  const credentials = findCredentials(await openPullSecrets(pod, executor), image)
  try {
    await turns.pull.take(() => executor.runtime.pullImage(image, { credentials }))
  } catch (error) {
    // A dead uplink must not keep a board from running what it has: Kubernetes would refuse here.
    if (!present || !hasCode(error, 'ServiceUnavailable', 'Timeout')) throw error
    const message = `Using the copy of ${image} on the board: ${messageOf(error)}`
    emit(executor, pod, { type: 'Warning', reason: 'PullFailed', message })
    return present
  }
  const seconds = ((executor.clock.monotonic() - startMs) / 1000).toFixed(1)
  emit(executor, pod, { type: 'Normal', reason: 'Pulled', message: `Pulled image ${image} in ${seconds}s` })
  const pulled = await executor.runtime.imageStatus(image)
  if (!pulled) throw new Error(`image ${image} is not on this board although it was pulled`)
  return pulled
}

/** A missing one is told, and the pull tried without it, as in Kubernetes: the image may be public. */
async function openPullSecrets(pod: PodWish, executor: Executor): Promise<SecretContents[]> {
  const names = (pod.spec.imagePullSecrets ?? []).map(({ name }) => name).filter(name => name !== undefined)
  const opened = await openSecrets(pod, names, executor)
  const missing = names.filter(name => !opened.has(`${pod.metadata.namespace}/${name}`))
  if (missing.length > 0) {
    const message = `Unable to find the image pull secrets ${missing.join(', ')}: the image may be refused`
    emit(executor, pod, { type: 'Warning', reason: 'FailedToRetrieveImagePullSecret', message })
  }
  return [...opened.values()]
}
