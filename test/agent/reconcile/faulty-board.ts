/** A board whose agent, runtime and power fail as a test asks, and which notes what must never happen. */
import { specHash } from '../../../agent/reconcile/container-config.ts'
import { listPodFiles } from '../../../agent/reconcile/pod-files.ts'
import { Reconciler } from '../../../agent/reconcile/reconciler.ts'
import { specHashAnnotation } from '../../../agent/reconcile/steps.ts'
import type { FakeRuntime } from '../../../agent/runtime/fake-runtime.ts'
import type { ObservedContainer, ObservedPod, Runtime } from '../../../agent/runtime/runtime.ts'
import type { Container } from '../../../contract/resources/pod.ts'
import type { PodWish } from '../../../contract/wire/fleet.ts'
import { CodedError } from '../../../kit/errors.ts'
import { silentLog } from '../../../kit/log.ts'
import { eventually } from '../../kit/eventually.ts'
import { spec, wishOf } from './fixtures.ts'
import { type FakeBoard, makeFakeBoard, plainRuntime } from './harness.ts'

export interface PodChoice {
  name: string
  restartPolicy: 'Always' | 'OnFailure' | 'Never'
  /** `late:1` has to be pulled. */
  image: string
  containers: number
  deleted: boolean
}

export type Fault =
  | { type: 'wish'; pods: PodChoice[] }
  | { type: 'exit'; nth: number; exitCode: number }
  /** The process of the agent ends in the middle of its work, and a new one starts. */
  | { type: 'agent dies'; afterCalls: number }
  | { type: 'runtime fails'; method: keyof Runtime; times: number }
  | { type: 'power cut' }
  | { type: 'wait'; seconds: number }
  | { type: 'settle' }

type Wish = ReadonlyMap<string, PodWish>

export class FaultyBoard {
  /** What happened that must not. */
  readonly wrongs: string[] = []
  #board: FakeBoard<FakeRuntime>
  #wish: Wish = new Map()
  /** Every wish since the board was last settled: an agent may still be acting on any of them. */
  #recentWishes: Wish[] = [this.#wish]
  #gone = new Set<string>()
  /** Calls that the agent's process still gets done. */
  #life = { calls: Number.POSITIVE_INFINITY }
  #agent: Reconciler | undefined
  /** How many times more each method fails. */
  #failing = new Map<keyof Runtime, number>()

  static async make(): Promise<FaultyBoard> {
    const images = { images: ['web:1', 'web:2'], registry: ['late:1'] }
    const board = new FaultyBoard(await makeFakeBoard(plainRuntime(images)))
    board.#startAgent()
    return board
  }

  private constructor(board: FakeBoard<FakeRuntime>) {
    this.#board = board
  }

  /** Counts what was asked of the runtime, questions excepted. */
  get calls(): string {
    return this.#board.runtime.calls.join('\n')
  }

  async meet(fault: Fault): Promise<void> {
    const { runtime } = this.#board
    switch (fault.type) {
      case 'wish':
        this.#setWish(fault.pods)
        break
      case 'exit': {
        const running = await this.running()
        const chosen = running[fault.nth % running.length]
        if (chosen) runtime.exit(chosen, fault.exitCode)
        break
      }
      case 'agent dies':
        this.#life.calls = fault.afterCalls
        await this.pass(1)
        this.#startAgent()
        break
      case 'runtime fails':
        this.#failing.set(fault.method, fault.times)
        break
      case 'power cut':
        runtime.cutPower()
        this.#startAgent()
        break
      case 'wait':
        return this.pass(fault.seconds)
      case 'settle':
        return this.settle()
    }
    await this.pass(0)
  }

  async settle(): Promise<void> {
    await eventually('the board is as wished', async () => {
      await this.pass(20)
      return (await this.#unsettled()).length === 0
    })
    this.#recentWishes = [this.#wish]
  }

  /** Lets time pass; a little of it is real, for the pods' files. */
  async pass(seconds: number): Promise<void> {
    for (let left = seconds; left >= 0; left -= 20) {
      await this.#board.clock.advance(Math.min(left, 20) * 1000)
      await new Promise(resolve => setTimeout(resolve, 1))
    }
  }

  async running(): Promise<string[]> {
    const containers = (await this.#pods()).flatMap(pod => pod.containers)
    return containers.filter(({ state }) => state === 'running').map(({ id }) => id)
  }

  remove(): Promise<void> {
    this.#life.calls = 0
    return this.#board.remove()
  }

  #setWish(pods: PodChoice[]): void {
    this.#wish = new Map(pods.map(renderWish).map(pod => [pod.metadata.uid ?? '', pod]))
    this.#recentWishes.push(this.#wish)
    for (const uid of this.#wish.keys()) this.#gone.delete(uid)
    this.#agent?.setWish(this.#wish)
  }

  #startAgent(): void {
    this.#life.calls = 0
    const life = { calls: Number.POSITIVE_INFINITY }
    this.#life = life
    const { clock, executor, runtime } = this.#board
    this.#agent = new Reconciler({
      ...{ clock, log: silentLog, hostIP: () => undefined },
      executor: { ...executor, runtime: this.#mortal(runtime, life) },
      onReport: (uid, { gone }) => {
        if (gone && life.calls > 0) this.#gone.add(uid)
      },
    })
    this.#agent.start()
    this.#agent.setWish(this.#wish)
  }

  /** The runtime as one agent's process sees it: when that is dead, no call of it comes to anything. */
  #mortal(runtime: FakeRuntime, life: { calls: number }): Runtime {
    return new Proxy<Runtime>(runtime, {
      get: (target, name: keyof Runtime) => {
        const method = (target[name] as (...args: unknown[]) => unknown).bind(target)
        if (name === 'watchExits') return method
        return async (...args: unknown[]) => {
          if (life.calls <= 0) return new Promise(() => undefined)
          if (name !== 'listPods') life.calls--
          this.#fail(name)
          await this.#watch(name, String(args[0]))
          const result = await method(...args)
          await this.#findTwins()
          return result
        }
      },
    })
  }

  #fail(method: keyof Runtime): void {
    const times = this.#failing.get(method) ?? 0
    this.#failing.set(method, times - 1)
    if (times > 0) throw new CodedError('ServiceUnavailable', `cannot ${method}: because the runtime is away`)
  }

  /** Notes the end of a container that every recent wish wanted as it was. */
  async #watch(method: keyof Runtime, subject: string): Promise<void> {
    if (!['stopContainer', 'removeContainer', 'stopSandbox', 'removeSandbox'].includes(method)) return
    for (const pod of await this.#pods()) {
      for (const container of pod.containers) {
        const isMeant = container.id === subject || pod.sandboxId === subject
        if (!isMeant || container.state !== 'running' || !this.#recentWishes.every(wish => wants(wish, pod, container)))
          continue
        this.wrongs.push(`${method} ended ${pod.name}/${container.name}, which was wanted as it was`)
      }
    }
  }

  async #findTwins(): Promise<void> {
    const names = (await this.#pods()).flatMap(pod =>
      pod.containers.filter(({ state }) => state === 'running').map(({ name }) => `${pod.uid}/${name}`),
    )
    const twin = names.find((name, index) => names.indexOf(name) !== index)
    if (twin) this.wrongs.push(`${twin} runs twice`)
  }

  async #unsettled(): Promise<string[]> {
    const pods = Map.groupBy(await this.#pods(), ({ uid }) => uid)
    const leftovers = await listPodFiles(this.#board.executor)
    const uids = new Set([...this.#wish.keys(), ...pods.keys(), ...leftovers, ...this.#uidsOfCgroups()])
    return [...uids].filter(uid => !this.#isSettled(uid, pods.get(uid) ?? []))
  }

  #isSettled(uid: string, sandboxes: ObservedPod[]): boolean {
    const wish = this.#wish.get(uid)
    if (!wish) return false // Something of it is left, or it would not be asked for.
    if (wish.metadata.deletionTimestamp) return sandboxes.length === 0 && this.#gone.has(uid)
    const all = sandboxes.flatMap(({ containers }) => containers)
    const last = wish.spec.containers.map(({ name }) => latest(all, name))
    if (last.every(container => isDone(wish, container))) return sandboxes.every(({ ready }) => !ready)
    const isRight = (container: Container): boolean => {
      const found = latest(all, container.name)
      return isSame(container, found) && (found?.state === 'running' || isDone(wish, found))
    }
    const strangers = all.filter(({ name }) => !wish.spec.containers.some(container => container.name === name))
    return (
      sandboxes.length === 1 && sandboxes[0]!.ready && wish.spec.containers.every(isRight) && strangers.length === 0
    )
  }

  #uidsOfCgroups(): string[] {
    const { runtime, paths } = this.#board
    return [...runtime.cgroups].map(path => path.slice(`${paths.cgroupParent}/pod`.length))
  }

  #pods(): Promise<ObservedPod[]> {
    return this.#board.runtime.listPods()
  }
}

function renderWish({ name, restartPolicy, image, containers, deleted }: PodChoice): PodWish {
  const names = ['main', 'side'].slice(0, containers)
  return wishOf(
    names.map(one => spec(one, { image })),
    {
      metadata: { name, uid: `uid-${name}`, ...(deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
      spec: { restartPolicy },
    },
  )
}

function wants(wish: Wish, pod: ObservedPod, container: ObservedContainer): boolean {
  const wished = wish.get(pod.uid)
  if (!wished || wished.metadata.deletionTimestamp) return false
  return wished.spec.containers.some(one => one.name === container.name && isSame(one, container))
}

function isSame(wished: Container, found: ObservedContainer | undefined): boolean {
  return found?.annotations[specHashAnnotation] === specHash(wished)
}

function isDone({ spec: { restartPolicy } }: PodWish, container: ObservedContainer | undefined): boolean {
  if (container?.state !== 'exited') return false
  return restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && container.exitCode === 0)
}

function latest(containers: ObservedContainer[], name: string): ObservedContainer | undefined {
  return containers.filter(one => one.name === name).sort((a, b) => b.attempt - a.attempt)[0]
}
