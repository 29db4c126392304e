/** Who may what, in examples that are written out: the same for each broker. The table itself is not asked. */
import type { Identity } from '../../../contract/wire/identity.ts'
import { root } from './embedded-harness.ts'

export interface AccessCase {
  who: Identity
  clientId: string
  does: 'publish' | 'retain' | 'will' | 'hear' | 'subscribe'
  topic: string
  allowed: boolean
}

/** A client of each kind. */
const people = {
  node: { who: { kind: 'node', name: 'board-1' }, clientId: 'agent-1' },
  user: { who: { kind: 'user', name: 'alice' }, clientId: 'laptop' },
  serviceAccount: { who: { kind: 'serviceAccount', namespace: 'web', name: 'bot' }, clientId: 'bot-1' },
  tool: { who: { kind: 'tool', name: 'panel' }, clientId: 'panel-1' },
  joining: { who: { kind: 'joining' }, clientId: 'fresh-1' },
} as const satisfies Record<string, { who: Identity; clientId: string }>

type Person = keyof typeof people

export const identities: Identity[] = [
  ...Object.values(people).map(({ who }) => who),
  { kind: 'node', name: 'board-2' },
  { kind: 'user', name: 'bob' },
  { kind: 'master' },
]

type Row = [person: Person, does: AccessCase['does'], topic: string]

const self = 'clients/system:node:board-1/agent-1'

const may: Row[] = [
  ['joining', 'publish', 'join/fresh-1/requests'],
  ['joining', 'hear', 'join/fresh-1/replies'],
  ['node', 'retain', 'nodes/board-1/presence'],
  ['node', 'will', 'nodes/board-1/presence'],
  ['node', 'publish', 'nodes/board-1/beat'],
  ['node', 'publish', 'nodes/board-1/report'],
  ['node', 'publish', 'nodes/board-1/replies'],
  ['node', 'publish', 'nodes/board-1/streams/s1/down'],
  ['node', 'publish', `${self}/requests`],
  ['node', 'hear', 'master/presence'],
  ['node', 'hear', 'network/index'],
  ['node', 'hear', 'network/docs/abc'],
  ['node', 'hear', 'nodes/board-1/wish/index'],
  ['node', 'hear', 'nodes/board-1/wish/docs/abc'],
  ['node', 'hear', 'nodes/board-1/requests'],
  ['node', 'hear', 'nodes/board-1/streams/s1/up'],
  ['node', 'hear', `${self}/replies`],
  ['node', 'subscribe', 'nodes/board-1/wish/#'],
  ['node', 'subscribe', 'network/docs/+'],
  ['user', 'publish', 'clients/alice/laptop/requests'],
  ['user', 'publish', 'clients/alice/laptop/streams/s1/up'],
  ['user', 'hear', 'clients/alice/laptop/replies'],
  ['user', 'hear', 'clients/alice/laptop/streams/s1/down'],
  ['user', 'subscribe', 'clients/alice/laptop/streams/+/down'],
  ['serviceAccount', 'publish', 'clients/system:serviceaccount:web:bot/bot-1/requests'],
  ['serviceAccount', 'hear', 'clients/system:serviceaccount:web:bot/bot-1/replies'],
  ['tool', 'hear', 'master/presence'],
  ['tool', 'hear', 'nodes/board-2/presence'],
  ['tool', 'subscribe', 'nodes/+/presence'],
]

const mayNot: Row[] = [
  ['joining', 'publish', 'join/fresh-2/requests'],
  ['joining', 'publish', 'join/fresh-1/replies'],
  ['joining', 'publish', 'clients/alice/fresh-1/requests'],
  ['joining', 'publish', 'nodes/board-1/presence'],
  ['joining', 'will', 'nodes/board-1/presence'],
  ['joining', 'hear', 'join/fresh-2/replies'],
  ['joining', 'hear', 'join/fresh-1/requests'],
  ['joining', 'hear', 'master/presence'],
  ['joining', 'hear', 'nodes/board-1/wish/index'],
  ['joining', 'subscribe', 'join/+/replies'],
  ['joining', 'subscribe', '#'],
  // For another node, as the master, as a user.
  ['node', 'publish', 'nodes/board-2/presence'],
  ['node', 'publish', 'nodes/board-2/report'],
  ['node', 'will', 'nodes/board-2/presence'],
  ['node', 'will', 'master/presence'],
  ['node', 'publish', 'master/presence'],
  ['node', 'publish', 'network/index'],
  ['node', 'publish', 'nodes/board-1/wish/index'],
  ['node', 'publish', 'nodes/board-1/requests'],
  ['node', 'publish', 'nodes/board-1/streams/s1/up'],
  ['node', 'publish', 'nodes/board-1/presence/more'],
  ['node', 'publish', 'nodes/board-1'],
  ['node', 'publish', 'clients/alice/laptop/requests'],
  ['node', 'publish', `${self}/replies`],
  ['node', 'publish', 'join/agent-1/requests'],
  ['node', 'hear', 'nodes/board-2/wish/index'],
  ['node', 'hear', 'nodes/board-2/wish/docs/abc'],
  ['node', 'hear', 'nodes/board-2/presence'],
  ['node', 'hear', 'nodes/board-1/report'],
  ['node', 'hear', 'clients/alice/laptop/replies'],
  ['node', 'subscribe', 'nodes/+/wish/#'],
  ['node', 'subscribe', 'nodes/#'],
  ['node', 'subscribe', '#'],
  ['node', 'subscribe', '+/+/+/#'],
  // Another user, another program of the same user's name, a node.
  ['user', 'publish', 'clients/bob/laptop/requests'],
  ['user', 'publish', 'clients/alice/laptop/replies'],
  ['user', 'publish', 'clients/alice/laptop/streams/s1/down'],
  ['user', 'publish', 'nodes/board-1/presence'],
  ['user', 'will', 'clients/bob/laptop/requests'],
  ['user', 'hear', 'clients/bob/laptop/replies'],
  ['user', 'hear', 'nodes/board-1/presence'],
  ['user', 'hear', 'master/presence'],
  ['user', 'subscribe', 'clients/+/laptop/replies'],
  ['user', 'subscribe', 'clients/alice/laptop/#'],
  ['serviceAccount', 'publish', 'clients/bot/bot-1/requests'],
  ['serviceAccount', 'publish', 'clients/system:serviceaccount:other:bot/bot-1/requests'],
  ['tool', 'publish', 'nodes/board-1/presence'],
  ['tool', 'publish', 'clients/system:tool:panel/panel-1/requests'],
  ['tool', 'hear', 'nodes/board-1/report'],
  ['tool', 'hear', 'nodes/board-1/wish/index'],
  ['tool', 'subscribe', 'nodes/#'],
]

/** What only the embedded broker can tell apart: the retain flag, one program of a user from the other, its own topics. */
const mayNotHere: Row[] = [
  ['node', 'retain', 'nodes/board-1/report'],
  ['node', 'retain', `${self}/requests`],
  ['user', 'retain', 'clients/alice/laptop/requests'],
  ['joining', 'retain', 'join/fresh-1/requests'],
  ['user', 'publish', 'clients/alice/phone/requests'],
  ['user', 'hear', 'clients/alice/phone/replies'],
  ['node', 'publish', 'clients/system:node:board-1/other/requests'],
]

const elsewhere: Row[] = [
  ['node', 'publish', '$SYS/broker/uptime'],
  ['node', 'subscribe', 'flotilla/v1/other/network/index'],
  ['node', 'publish', 'flotilla/v1/other/nodes/board-1/report'],
  ['node', 'publish', 'nodes/board-1/report'],
  ['node', 'subscribe', '$SYS/#'],
  ['node', 'subscribe', '$share/x/network/index'],
]

const caseOf =
  (allowed: boolean, prefix: string) =>
  ([person, does, topic]: Row): AccessCase => ({ ...people[person], does, topic: `${prefix}${topic}`, allowed })

/** Of any broker. */
export const accessCases: AccessCase[] = [
  ...may.map(caseOf(true, root)),
  ...mayNot.map(caseOf(false, root)),
  ...elsewhere.map(caseOf(false, '')),
]

export const embeddedCases: AccessCase[] = mayNotHere.map(caseOf(false, root))
