/** Attacks of a board of the fleet that somebody has taken over: it has a node's key. */
import { topicsOf } from '../../contract/wire/topics.ts'
import { sleep, systemClock } from '../../kit/clock.ts'
import { systemRandom } from '../../kit/random.ts'
import { type Arena, type Attack, askApi, enter, listenAs, silent, unheard } from './arena.ts'
import { publishPacket } from './packets.ts'
import { RawClient } from './raw-client.ts'

const publications: Attack[] = (
  [
    ["another node's report", 'nodes/board-1/report', false],
    ["another node's beat", 'nodes/board-1/beat', false],
    ["another node's presence", 'nodes/board-1/presence', true],
    ["another node's answers", 'nodes/board-1/replies', false],
    ["another node's wish", 'nodes/board-1/wish/index', true],
    ['its own wish', 'nodes/board-3/wish/index', true],
    ['the table of services', 'network/index', true],
    ['the presence of the master', 'master/presence', true],
    ['a request of the admin', 'clients/admin/x/requests', false],
    ['an answer to a user', 'clients/curious/x/replies', false],
    ["the bytes of a user's shell", 'clients/curious/x/streams/y/down', false],
    ['a join of somebody', 'join/x/requests', false],
    ['a topic with a wildcard', 'nodes/+/report', false],
    ['a report that the broker is to keep', 'nodes/board-3/report', true],
    ['a beat that the broker is to keep', 'nodes/board-3/beat', true],
    ['a topic of two hundred levels', `nodes/board-3${'/x'.repeat(200)}`, false],
    ["another cluster's topics", '../garden/nodes/board-3/report', false],
  ] as const
).map(([name, topic, retain]) => ({
  name: `a node publishes ${name}`,
  expect: /^closed$/,
  onMosquitto: unheard,
  counted: 'topic|retain|malformed',
  async run(arena: Arena) {
    const client = await enter(arena, { pair: arena.pairs.node })
    return client.publish(`flotilla/v1/lab/${topic}`, '{}', { retain })
  },
}))

const subscriptions: Attack[] = [
  '#',
  '+/#',
  'flotilla/v1/lab/#',
  'flotilla/v1/lab/nodes/#',
  'flotilla/v1/lab/nodes/+/wish/index',
  'flotilla/v1/lab/nodes/board-1/wish/#',
  'flotilla/v1/lab/nodes/board-1/requests',
  'flotilla/v1/lab/nodes/board-1/streams/+/up',
  'flotilla/v1/lab/clients/#',
  'flotilla/v1/lab/clients/admin/+/requests',
  'flotilla/v1/lab/join/+/requests',
  '$SYS/#',
  '$share/g/flotilla/v1/lab/nodes/board-1/wish/#',
].map(filter => ({
  name: `a node subscribes to ${filter}`,
  expect: /^suback 128, heard 0$/,
  onMosquitto: silent,
  counted: 'subscription',
  run: (arena: Arena) => listenAs(arena, { kind: 'node', name: arena.nodeName }, { pair: arena.pairs.node, filter }),
}))

const requests: Attack[] = (
  [
    ['all Secrets', { verb: 'list', target: { resource: 'secrets', group: '' } }],
    [
      'a Secret that no pod of it mentions',
      { verb: 'get', target: { resource: 'secrets', group: '', namespace: 'vault', name: 'planted' } },
    ],
    ['the pods of others', { verb: 'list', target: { resource: 'pods', group: '' } }],
    [
      'a pod of its own making',
      {
        verb: 'create',
        target: { resource: 'pods', group: '', namespace: 'default' },
        object: {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'x', namespace: 'default' },
          spec: { containers: [{ name: 'x', image: 'x' }] },
        },
      },
    ],
    [
      'a taint on another node',
      {
        verb: 'patch',
        target: { resource: 'nodes', group: '', name: 'board-1' },
        patch: { spec: { unschedulable: true } },
        patchType: 'merge',
      },
    ],
    ["another node's end", { verb: 'delete', target: { resource: 'nodes', group: '', name: 'board-1' } }],
    [
      "another node's certificate",
      { verb: 'sign', target: { resource: 'nodeidentities', group: 'flotilla.dev', name: 'board-1' } },
    ],
    [
      "a shell in somebody's pod",
      {
        verb: 'exec',
        target: { resource: 'pods', group: '', namespace: 'vault', name: 'keeper' },
        options: { command: ['sh'] },
      },
    ],
    ['an invitation for others', { verb: 'invite' }],
    ['new keys for the secrets', { verb: 'rotate' }],
    [
      'to stand in for the admin',
      { verb: 'review', attributes: { verb: 'get', resource: 'pods', group: '' }, as: 'admin' },
    ],
  ] as const
).map(([name, request]) => ({
  name: `a node asks for ${name}`,
  expect: /^(Forbidden|BadRequest)$/,
  run(arena: Arena) {
    const username = `system:node:${arena.nodeName}`
    return askApi(arena, { pair: arena.pairs.node, username, request: request as never })
  },
}))

const others: Attack[] = [
  {
    name: "a node asks for a token of a service account of another node's pod",
    expect: /^Forbidden$/,
    run(arena) {
      const { namespace, name, uid, serviceAccount } = arena.otherPod
      const target = { resource: 'serviceaccounts', group: '', namespace, name: serviceAccount }
      const username = `system:node:${arena.nodeName}`
      return askApi(arena, { pair: arena.pairs.node, username, request: { verb: 'token', target, pod: { name, uid } } })
    },
  },
  {
    name: "a node takes over a user's client id",
    expect: /^(closed|connack [25]), and the user stays$/,
    onMosquitto: 'cannot',
    counted: 'client-id',
    async run(arena) {
      const clientId = `victim-${systemRandom.suffix(6)}`
      const victim = await enter(arena, { pair: arena.pairs.user, clientId })
      const client = await RawClient.overTls(arena.target, arena.pairs.node)
      const answer = await client.connect({ clientId })
      const state = await victim.untilClosed(500)
      victim.end()
      client.end()
      return `${answer}, and the user ${state === 'open' ? 'stays' : 'is gone'}`
    },
  },
  {
    name: "a node leaves a will on another's presence",
    expect: /^(closed|connack [1-5])/,
    onMosquitto: /^connack/,
    counted: 'will',
    async run({ target, pairs }) {
      const client = await RawClient.overTls(target, pairs.node)
      const will = { topic: 'flotilla/v1/lab/nodes/board-1/presence', payload: '{"online":false}', retain: true }
      return client.connect({ clientId: 'w', will })
    },
  },
  {
    name: 'a node with five sessions',
    expect: /^\d welcome, (closed|connack [35])$/,
    onMosquitto: 'cannot',
    counted: 'too-many-connections',
    async run(arena) {
      const clients: RawClient[] = []
      let answer = 'connack 0'
      while (answer === 'connack 0' && clients.length < 8) {
        const client = await RawClient.overTls(arena.target, arena.pairs.node)
        clients.push(client)
        answer = await client.connect({ clientId: `many-${clients.length}` })
      }
      for (const client of clients) client.end()
      return `${clients.length - 1} welcome, ${answer}`
    },
  },
  {
    name: 'a node that says a hundred thousand times that it is there',
    expect: /^the master answers$/,
    onMosquitto: 'cannot',
    async run(arena) {
      const client = await enter(arena, { pair: arena.pairs.node })
      const beat = publishPacket(topicsOf(arena.cluster).nodeBeat(arena.nodeName), '{"session":"flood"}', { qos: 0 })
      const burst = Buffer.concat(Array.from({ length: 1000 }, () => beat))
      for (let turn = 0; turn < 100; turn++) client.send(burst)
      const answer = await askApi(arena, {
        pair: arena.pairs.user,
        username: arena.userName,
        request: { verb: 'version' },
      })
      client.end()
      return answer === 'ok' ? 'the master answers' : answer
    },
  },
  {
    name: 'a node that subscribes ten thousand times',
    expect: /^(closed|refused)$/,
    onMosquitto: 'cannot',
    counted: 'too-many-subscriptions',
    async run(arena) {
      const client = await enter(arena, { pair: arena.pairs.node })
      const { nodeStream } = topicsOf(arena.cluster)
      let answer = ''
      for (let at = 0; at < 100 && !answer.includes('128') && answer !== 'closed'; at++) {
        const filters = Array.from({ length: 100 }, (_, index) => `${nodeStream(arena.nodeName, `s${at}x${index}`)}/up`)
        answer = await client.subscribe(...filters)
      }
      client.end()
      return answer.includes('128') ? 'refused' : answer
    },
  },
  {
    name: 'a node looks for the planted secret in all that it may hear',
    expect: /^heard \d+ messages, none with the secret$/,
    async run(arena) {
      const client = await enter(arena, { pair: arena.pairs.node })
      const topics = topicsOf(arena.cluster)
      await client.subscribe(`${topics.nodeWish(arena.nodeName)}/#`, `${topics.network}/#`, topics.masterPresence)
      await sleep(systemClock, 2000)
      const all = client.packets.map(({ body }) => body.toString('latin1')).join('\n')
      const forms = [arena.secret, Buffer.from(arena.secret).toString('base64')]
      client.end()
      const found = forms.some(form => all.includes(form))
      return `heard ${client.heard.length} messages, ${found ? 'THE SECRET AMONG THEM' : 'none with the secret'}`
    },
  },
]

export const attacksOfNodes: Attack[] = [...publications, ...subscriptions, ...requests, ...others]
