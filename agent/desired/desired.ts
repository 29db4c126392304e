/** What a board is to be: read from the documents of its two retained collections. */
import type {
  ConfigMapWish,
  NodeRoute,
  NodeWish,
  PodWish,
  SecretWish,
  ServiceRoute,
} from '../../contract/wire/fleet.ts'
import { asRecord } from '../../kit/bus/bad-messages.ts'
import type { Snapshot } from '../../kit/bus/collection.ts'
import { CodedError } from '../../kit/errors.ts'

/** From the collection `nodes/<n>/wish`. */
export interface BoardWish {
  epoch: number
  generation: number
  /** Undefined until the master has given the node its share of the pod network. */
  node: NodeWish | undefined
  /** By uid. */
  pods: Map<string, PodWish>
  /** By `<namespace>/<name>`. */
  configMaps: Map<string, ConfigMapWish>
  /** Sealed, by `<namespace>/<name>`. */
  secrets: Map<string, SecretWish>
}

/** From the collection `network`. */
export interface NetworkTable {
  nodes: NodeRoute[]
  services: ServiceRoute[]
}

/** Names that it does not know are left to newer agents. Throws `BadRequest` for a document of the wrong shape. */
export function readBoardWish({ epoch, generation, documents }: Snapshot): BoardWish {
  const wish: BoardWish = {
    epoch,
    generation,
    node: undefined,
    pods: new Map(),
    configMaps: new Map(),
    secrets: new Map(),
  }
  for (const [name, document] of documents) {
    if (name === 'node') wish.node = check(name, document, { texts: nodeTexts }) as unknown as NodeWish
    if (name.startsWith('pods/')) {
      const pod = readPod(name, document)
      wish.pods.set(pod.metadata.uid ?? '', pod)
    }
    if (name.startsWith('configmaps/')) {
      wish.configMaps.set(name.slice('configmaps/'.length), check(name, document) as unknown as ConfigMapWish)
    }
    if (name.startsWith('secrets/')) wish.secrets.set(name.slice('secrets/'.length), readSecret(name, document))
  }
  return wish
}

/** Throws as `readBoardWish` does. */
export function readNetworkTable({ documents }: Snapshot): NetworkTable {
  const table: NetworkTable = { nodes: [], services: [] }
  for (const [name, document] of documents) {
    if (name.startsWith('nodes/'))
      table.nodes.push(check(name, document, { texts: routeTexts }) as unknown as NodeRoute)
    if (name.startsWith('services/')) table.services.push(readService(name, document))
  }
  return table
}

const nodeTexts = ['name', 'podCIDR', 'clusterCIDR', 'serviceCIDR']
const routeTexts = ['name', 'address', 'podCIDR']

function readPod(name: string, document: unknown): PodWish {
  const { metadata, spec } = check(name, document)
  const { uid } = check(name, metadata, { texts: ['uid', 'name', 'namespace'] })
  // It names directories, which are removed with the pod.
  if (!/^[\w-]+$/.test(String(uid))) throw bad(name, 'its uid is none')
  const { containers } = check(name, spec, { lists: ['containers'] })
  for (const container of containers as unknown[]) check(name, container, { texts: ['name', 'image'] })
  return document as PodWish
}

function readSecret(name: string, document: unknown): SecretWish {
  const { metadata } = check(name, document, { texts: ['sealed'] })
  check(name, metadata, { texts: ['uid', 'resourceVersion'] })
  return document as SecretWish
}

function readService(name: string, document: unknown): ServiceRoute {
  const { ports } = check(name, document, { texts: ['namespace', 'name'], lists: ['ports'] })
  for (const port of ports as unknown[]) check(name, port, { lists: ['endpoints'] })
  return document as ServiceRoute
}

/** What the rooms behind this one reach into without asking; the rest is the master's word. */
function check(
  name: string,
  value: unknown,
  { texts = [], lists = [] }: { texts?: string[]; lists?: string[] } = {},
): Record<string, unknown> {
  const record = asRecord(value)
  for (const field of texts) if (typeof record[field] !== 'string') throw bad(name, `${field} is no text`)
  for (const field of lists) if (!Array.isArray(record[field])) throw bad(name, `${field} is no list`)
  return record
}

function bad(name: string, reason: string): CodedError {
  return new CodedError('BadRequest', `cannot read the document ${name.slice(0, 200)}: because ${reason}`)
}
