/** What every Runtime must do, as macros: run against the fake and against a real containerd on a board. */
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import type { ContainerConfig, ObservedContainer, Runtime, SandboxConfig } from '../../../agent/runtime/runtime.ts'
import { CodedError } from '../../../kit/errors.ts'
import { eventually } from '../../kit/eventually.ts'

export interface RuntimeHarness {
  runtime: Runtime
  /** On the board, with a shell. */
  image: string
  /** Nowhere on the board; the first can be pulled, the second not. */
  pullable: string
  unknown: string
  sandbox(name: string): SandboxConfig
}

type Start = (t: ExecutionContext) => Promise<RuntimeHarness | undefined>
type Proof = (t: ExecutionContext, harness: RuntimeHarness) => Promise<void>

/** Declares each test of the contract. `start` gives the runtime, or says (undefined) that there is none here. */
export function testRuntimeContract(start: Start): void {
  for (const [title, proof] of Object.entries(proofs)) {
    const macro = test.macro(async t => {
      const harness = await start(t)
      if (harness) await proof(t, harness)
    })
    test(title, macro)
  }
}

export function containerOf(image: string, name: string, script: string): ContainerConfig {
  return {
    ...{ name, image, attempt: 0, command: ['sh', '-c'], args: [script] },
    ...{ env: [], mounts: [], labels: {}, annotations: {}, resources: {} },
    logPath: `${name}/0.log`,
    ...{ stdin: false, stdinOnce: false, tty: false },
  }
}

/** Makes and starts a pod of containers, given as scripts by name. */
export async function runPod(
  { runtime, image, sandbox }: RuntimeHarness,
  name: string,
  scripts: Record<string, string>,
): Promise<{ sandboxId: string; ids: Record<string, string> }> {
  const config = sandbox(name)
  const sandboxId = await runtime.runSandbox(config)
  const ids: Record<string, string> = {}
  for (const [container, script] of Object.entries(scripts)) {
    const id = await runtime.createContainer(sandboxId, containerOf(image, container, script), config)
    await runtime.startContainer(id)
    ids[container] = id
  }
  return { sandboxId, ids }
}

export async function observe(runtime: Runtime, containerId: string): Promise<ObservedContainer | undefined> {
  return (await runtime.listPods()).flatMap(pod => pod.containers).find(({ id }) => id === containerId)
}

export function waitForExit(runtime: Runtime, containerId: string): Promise<unknown> {
  return eventually('the exit', async () => (await observe(runtime, containerId))?.state === 'exited')
}

const proofs: Record<string, Proof> = {
  'a pod with two containers runs, and is listed as it was asked for': async (t, harness) => {
    const { runtime, image } = harness
    const { sandboxId, ids } = await runPod(harness, 'two', { web: 'sleep 1000', side: 'sleep 1000' })
    const pod = (await runtime.listPods()).find(pod => pod.sandboxId === sandboxId)
    t.like(pod, { namespace: 'default', name: 'two', uid: 'uid-two', attempt: 0, ready: true, hostNetwork: false })
    t.regex(pod?.ip ?? '', /^10\.244\.\d+\.\d+$/)
    t.deepEqual(pod?.labels, { app: 'two' })
    t.deepEqual(pod?.annotations, { note: 'kept' })
    t.deepEqual(
      pod?.containers.map(({ id, name, state, exitCode }) => ({ id, name, state, exitCode })).sort(byName),
      ['side', 'web'].map(name => ({ id: ids[name]!, name, state: 'running' as const, exitCode: 0 })),
    )
    t.is(pod?.containers[0]?.image, image)
    t.is(pod?.containers[0]?.imageId, (await runtime.imageStatus(image))?.id)
  },

  'an exit is announced, and its code observed': async (t, harness) => {
    const { runtime } = harness
    let announced = 0
    const stop = runtime.watchExits(() => announced++)
    const { ids } = await runPod(harness, 'exits', { main: 'sleep 0.2; exit 3' })
    await waitForExit(runtime, ids['main']!)
    await eventually('the announcement', () => announced > 0)
    stop()
    const observed = await observe(runtime, ids['main']!)
    t.like(observed, { state: 'exited', exitCode: 3, reason: 'Error' })
    t.true(observed!.finishedAtMs >= observed!.startedAtMs)
  },

  'a container that exits with 0 has completed': async (t, harness) => {
    const { ids } = await runPod(harness, 'completes', { main: 'exit 0' })
    await waitForExit(harness.runtime, ids['main']!)
    t.like(await observe(harness.runtime, ids['main']!), { exitCode: 0, reason: 'Completed' })
  },

  'stopping asks first, and kills when the time is up': async (t, harness) => {
    const { runtime } = harness
    const scripts = { polite: 'trap "exit 4" TERM; while :; do sleep 0.1; done', deaf: 'trap "" TERM; sleep 1000' }
    const { ids } = await runPod(harness, 'stops', scripts)
    // A shell needs a moment until its trap is set; a process beside it ends later than that.
    const later = await runtime.exec(ids['polite']!, { command: ['sh', '-c', 'sleep 0.3'], stdin: false, tty: false })
    await later.exit
    await runtime.stopContainer(ids['polite']!, 30)
    await runtime.stopContainer(ids['deaf']!, 1)
    t.like(await observe(runtime, ids['polite']!), { state: 'exited', exitCode: 4 })
    t.like(await observe(runtime, ids['deaf']!), { state: 'exited', exitCode: 137 })
  },

  'stopping and removing may be repeated, and leave nothing': async (t, harness) => {
    const { runtime } = harness
    const { sandboxId, ids } = await runPod(harness, 'repeats', { main: 'sleep 1000' })
    for (const _ of [1, 2]) await runtime.stopContainer(ids['main']!, 0)
    for (const _ of [1, 2]) await runtime.removeContainer(ids['main']!)
    for (const _ of [1, 2]) await runtime.stopSandbox(sandboxId)
    t.like(
      (await runtime.listPods()).find(pod => pod.sandboxId === sandboxId),
      { ready: false, containers: [] },
    )
    for (const _ of [1, 2]) await runtime.removeSandbox(sandboxId)
    t.false((await runtime.listPods()).some(pod => pod.sandboxId === sandboxId))
    await t.notThrowsAsync(runtime.stopContainer(ids['main']!, 0))
  },

  'a sandbox takes its running containers with it': async (t, harness) => {
    const { runtime } = harness
    const { sandboxId } = await runPod(harness, 'whole', { main: 'sleep 1000' })
    await runtime.stopSandbox(sandboxId)
    await runtime.removeSandbox(sandboxId)
    t.false((await runtime.listPods()).some(pod => pod.sandboxId === sandboxId))
  },

  'a pod in the network of the board has no address of its own': async (t, harness) => {
    const config = { ...harness.sandbox('host'), hostNetwork: true }
    const sandboxId = await harness.runtime.runSandbox(config)
    const pod = (await harness.runtime.listPods()).find(pod => pod.sandboxId === sandboxId)
    t.like(pod, { hostNetwork: true, ip: undefined, ready: true })
  },

  'a container of an image that is not here is refused': async (t, harness) => {
    const { runtime, unknown, sandbox } = harness
    const sandboxId = await runtime.runSandbox(sandbox('no-image'))
    const creating = runtime.createContainer(sandboxId, containerOf(unknown, 'main', 'exit 0'), sandbox('no-image'))
    t.is((await t.throwsAsync(creating, { instanceOf: CodedError }))?.code, 'NotFound')
  },

  'an image is here once it was pulled': async (t, { runtime, pullable, unknown }) => {
    t.is(await runtime.imageStatus(pullable), undefined)
    const id = await runtime.pullImage(pullable)
    t.is((await runtime.imageStatus(pullable))?.id, id)
    t.true((await runtime.imageStatus(pullable))!.sizeBytes > 0)
    const error = await t.throwsAsync(runtime.pullImage(unknown), { instanceOf: CodedError })
    t.is(error?.code, 'NotFound')
    t.true(error?.message.startsWith(`cannot pull ${unknown}: because `))
  },

  'a process in a container reads stdin to its end, and gives its output and exit code': async (t, harness) => {
    const { runtime } = harness
    const { ids } = await runPod(harness, 'execs', { main: 'sleep 1000' })
    const session = await runtime.exec(ids['main']!, { command: ['sh', '-c', 'cat; exit 7'], stdin: true, tty: false })
    session.stdio.write('one\n')
    session.stdio.end('two\n')
    t.is(await text(session.stdio), 'one\ntwo\n')
    t.is(await session.exit, 7)
    session.close()
  },

  'nothing can be run in a container that has ended': async (t, harness) => {
    const { ids } = await runPod(harness, 'ended', { main: 'exit 0' })
    await waitForExit(harness.runtime, ids['main']!)
    const request = { command: ['true'], stdin: false, tty: false }
    const error = await t.throwsAsync(harness.runtime.exec(ids['main']!, request), { instanceOf: CodedError })
    t.is(error?.code, 'Conflict')
  },
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1
}
