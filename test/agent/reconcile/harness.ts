/** A board in memory for tests of the reconcile room: a fake runtime, a fake clock, and a real directory for the pods' files. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BoardPaths } from '../../../agent/reconcile/container-config.ts'
import type { Executor } from '../../../agent/reconcile/executor.ts'
import { FakeRuntime } from '../../../agent/runtime/fake-runtime.ts'
import { FakeVolumes } from '../../../agent/volumes/fake-volumes.ts'
import type { ConfigMapWish, ReportedEvent, SecretContents } from '../../../contract/wire/fleet.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'

export interface FakeBoard<R extends FakeRuntime> {
  clock: FakeClock
  runtime: R
  executor: Executor
  configMaps: Map<string, ConfigMapWish>
  /** By `<namespace>/<name>`. */
  secrets: Map<string, SecretContents>
  volumes: FakeVolumes
  events: ReportedEvent[]
  paths: BoardPaths
  remove(): Promise<void>
}

type MakeRuntime<R> = (clock: FakeClock) => R

export async function makeFakeBoard<R extends FakeRuntime>(make: MakeRuntime<R>): Promise<FakeBoard<R>> {
  const directory = await mkdtemp(join(tmpdir(), 'fr-'))
  const clock = new FakeClock()
  const runtime = make(clock)
  const configMaps = new Map<string, ConfigMapWish>()
  const events: ReportedEvent[] = []
  const paths = {
    ...{ podLogs: join(directory, 'logs'), podFiles: join(directory, 'pods'), cgroupParent: '/flotilla' },
    seccompProfiles: '/data/seccomp',
  }
  const secrets = new Map<string, SecretContents>()
  const volumes = new FakeVolumes()
  const sources = () => ({ nodeName: 'board-1', hostIP: '192.168.0.9', configMaps, services: [] })
  const executor = {
    ...{ runtime, volumes, clock, paths, sources },
    openSecret: async (key: string) => secrets.get(key),
    onEvent: (event: ReportedEvent) => void events.push(event),
  }
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  return { clock, runtime, executor, configMaps, secrets, volumes, events, paths, remove }
}

export function plainRuntime(options: { images?: string[]; registry?: string[] } = {}): MakeRuntime<FakeRuntime> {
  return clock => new FakeRuntime({ clock, ...options })
}
