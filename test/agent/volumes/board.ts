/** An agent's inbox, volumes and reconciler on a board with a real containerd, and a master that publishes sealed wishes to them. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BoardWish } from '../../../agent/desired/desired.ts'
import { Inbox } from '../../../agent/desired/inbox.ts'
import { openSecret } from '../../../agent/desired/open-secret.ts'
import { Reconciler } from '../../../agent/reconcile/reconciler.ts'
import type { Runtime } from '../../../agent/runtime/runtime.ts'
import { PodVolumes } from '../../../agent/volumes/pod-volumes.ts'
import type { Container, PodSpec } from '../../../contract/resources/pod.ts'
import { type PodReport, type PodWish, type ReportedEvent, secretDocument } from '../../../contract/wire/fleet.ts'
import { topicsOf } from '../../../contract/wire/topics.ts'
import { BadMessages } from '../../../kit/bus/bad-messages.ts'
import { CollectionPublisher } from '../../../kit/bus/collection-publisher.ts'
import type { MemoryBroker } from '../../../kit/bus/memory-bus.ts'
import { systemClock } from '../../../kit/clock.ts'
import { seal } from '../../../kit/jose.ts'
import { createLog } from '../../../kit/log.ts'
import { systemRandom } from '../../../kit/random.ts'
import { boardImage, type TestBoard } from '../../support/board.ts'

const topics = topicsOf('home')

/** What the master would know; `publish` makes it the wish of the board. */
export class Master {
  readonly documents = new Map<string, unknown>()
  #publisher: CollectionPublisher
  #publicKey: Buffer
  readonly privateKey: string
  #versions = 0

  constructor(broker: MemoryBroker) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#publicKey = publicKey.export({ type: 'spki', format: 'der' })
    this.privateKey = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const bus = broker.connect('master')
    const prefix = topics.nodeWish('board-1')
    this.#publisher = new CollectionPublisher({
      bus,
      prefix,
      epoch: 1,
      generation: 0,
      log: createLog({ write: () => undefined }),
    })
  }

  async setSecret(name: string, values: Record<string, string>): Promise<void> {
    const metadata = { namespace: 'default', name, uid: `uid-${name}`, resourceVersion: String(++this.#versions) }
    const data = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    )
    const about = secretDocument('default', name)
    const plain = Buffer.from(JSON.stringify({ metadata, type: 'Opaque', data }))
    this.documents.set(about, { metadata, sealed: await seal(plain, { publicKey: this.#publicKey, about }) })
  }

  setConfigMap(name: string, data: Record<string, string>): void {
    const metadata = { namespace: 'default', name }
    this.documents.set(`configmaps/default/${name}`, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data })
  }

  setPod(name: string, container: Partial<Container>, spec: Partial<PodSpec> = {}): PodWish {
    const pod: PodWish = {
      ...{ apiVersion: 'v1', kind: 'Pod' },
      metadata: { name, namespace: 'default', uid: `uid-${name}`, labels: { app: name } },
      spec: {
        containers: [{ name: 'main', image: boardImage, command: ['sleep', '1000'], ...container }],
        ...{ restartPolicy: 'Always', terminationGracePeriodSeconds: 0, automountServiceAccountToken: false, ...spec },
      },
    }
    this.documents.set(`pods/default/${name}`, pod)
    return pod
  }

  async publish(): Promise<void> {
    await this.#publisher.publish(this.documents)
  }
}

export interface VolumeAgent {
  /** By pod. */
  reports: Map<string, PodReport>
  events: ReportedEvent[]
  lines: string[]
  volumes: PodVolumes
  stop(): Promise<void>
}

export interface AgentPlaces {
  board: TestBoard
  runtime: Runtime
  /** In memory, seen at the same path from the board. */
  memory: string
  data: string
}

/** /dev/shm is one memory for all namespaces of this machine. */
export function makeMemoryDirectory(): Promise<string> {
  return mkdtemp('/dev/shm/fb-')
}

export async function removeMemoryDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
}

export async function startAgent(
  { board, runtime, memory, data }: AgentPlaces,
  { broker, master, token }: { broker: MemoryBroker; master: Master; token: () => string | undefined },
): Promise<VolumeAgent> {
  const lines: string[] = []
  const log = createLog({ level: 'debug', write: line => lines.push(line) })
  const now = { wish: undefined as BoardWish | undefined }
  const open = async (key: string) => {
    const [namespace = '', name = ''] = key.split('/')
    const sealed = now.wish?.secrets.get(key)
    return sealed && openSecret(sealed, { namespace, name, privateKey: master.privateKey })
  }
  const volumes = new PodVolumes({
    ...{ memoryDirectory: join(memory, 'pods'), diskDirectory: join(data, 'pods'), random: systemRandom, log },
    objects: {
      configMap: key => now.wish?.configMaps.get(key),
      secret: key => now.wish?.secrets.get(key),
      open,
      rootCertificate: () => '-----BEGIN CERTIFICATE-----',
    },
    tokens: { find: async () => token(), forget: () => undefined },
    run: () => Promise.reject(new Error('nothing is to be mounted')),
  })
  const [reports, events] = [new Map<string, PodReport>(), [] as ReportedEvent[]]
  const paths = {
    ...{ podLogs: join(board.directory, 'logs'), podFiles: join(data, 'pods'), cgroupParent: board.cgroupParent },
    seccompProfiles: join(data, 'seccomp'),
  }
  const sources = () => ({
    ...{ nodeName: 'board-1', hostIP: '192.168.0.9', services: [] },
    configMaps: now.wish?.configMaps ?? new Map(),
  })
  const reconciler = new Reconciler({
    executor: {
      ...{ runtime, volumes, clock: systemClock, paths, sources, openSecret: open },
      onEvent: event => events.push(event),
    },
    ...{ clock: systemClock, log, hostIP: () => '192.168.0.9' },
    onReport: (_, report) => reports.set(report.name, report),
  })
  const inbox = new Inbox({
    ...{ bus: broker.connect(`agent-${systemRandom.uuid()}`), topics, nodeName: 'board-1', directory: data },
    ...{ clock: systemClock, log, badMessages: new BadMessages(log) },
    onWish: wish => {
      now.wish = wish
      reconciler.setWish(wish.pods)
    },
    onNetwork: () => undefined,
  })
  reconciler.start()
  await inbox.start()
  return {
    ...{ reports, events, lines, volumes },
    async stop() {
      await inbox.stop()
      await reconciler.stop()
    },
  }
}
