/**
 * Every MQTT topic, built and parsed here and nowhere else. Who may use which is in access.ts; nobody speaks to anybody but
 * the master.
 *
 *     flotilla/v1/<cluster>/master/presence                     retained  who is master, with its epoch
 *                           nodes/<node>/presence               retained  online, or offline by the Last Will
 *                           nodes/<node>/beat                             "still here", every second on a LAN
 *                           nodes/<node>/report                           observed state, node to master
 *                           nodes/<node>/wish/index|docs/<hash>  retained  desired state, master to node
 *                           nodes/<node>/requests                         what the master asks of a node (logs, exec)
 *                           nodes/<node>/replies                          what the node answers
 *                           nodes/<node>/streams/<stream>/up|down         the bytes of a log or a shell, to and from the node
 *                           network/index|docs/<hash>           retained  the service table, master to all nodes
 *                           clients/<user>/<client>/requests              what is asked of the API, and by whom
 *                           clients/<user>/<client>/replies               the answers
 *                           clients/<user>/<client>/streams/<stream>/up|down  the bytes of a watch, a log, a shell
 *                           join/<client>/requests|replies                a board that asks to become a node
 *
 * Node names are DNS labels here (no dots: RabbitMQ turns them into slashes). `<user>` is a username of identity.ts.
 */

/** One program of one user: two terminals of the same person do not hear each other's answers. */
export interface ClientName {
  username: string
  client: string
}

export interface Topics {
  /** What all the others begin with, a slash behind it. */
  root: string
  masterPresence: string
  /** Prefix of the retained collection that all nodes share. */
  network: string
  nodePresence(node: string): string
  nodeBeat(node: string): string
  nodeReport(node: string): string
  nodeRequests(node: string): string
  nodeReplies(node: string): string
  /** Prefix of a stream between the master, which opens it, and a node: the opener reads `down` and writes `up`. */
  nodeStream(node: string, stream: string): string
  /** Prefix of the retained collection of one node. */
  nodeWish(node: string): string
  clientRequests(of: ClientName): string
  clientReplies(of: ClientName): string
  /** Prefix of a stream between a client, which opens it, and the master. */
  clientStream(of: ClientName, stream: string): string
  joinRequests(client: string): string
  joinReplies(client: string): string
  /** The node's name in a topic that one of the `node…` builders made; undefined for any other topic. */
  parseNode(topic: string): { node: string; leaf: string } | undefined
  /** Whose a topic is that one of the `client…` builders made; undefined for any other topic. */
  parseClient(topic: string): (ClientName & { leaf: string }) | undefined
  /** The client of a topic below `join/`; undefined for any other topic. */
  parseJoin(topic: string): { client: string; leaf: string } | undefined
}

export const wirePrefix = 'flotilla/v1'

export function topicsOf(cluster: string): Topics {
  const root = `${wirePrefix}/${cluster}/`
  const node =
    (leaf: string) =>
    (name: string): string =>
      `${root}nodes/${name}/${leaf}`
  const client =
    (leaf: string) =>
    (of: ClientName): string =>
      `${root}clients/${of.username}/${of.client}/${leaf}`
  return {
    root,
    masterPresence: `${root}master/presence`,
    network: `${root}network`,
    nodePresence: node('presence'),
    nodeBeat: node('beat'),
    nodeReport: node('report'),
    nodeRequests: node('requests'),
    nodeReplies: node('replies'),
    nodeStream: (name, stream) => node(`streams/${stream}`)(name),
    nodeWish: node('wish'),
    clientRequests: client('requests'),
    clientReplies: client('replies'),
    clientStream: (of, stream) => client(`streams/${stream}`)(of),
    joinRequests: name => `${root}join/${name}/requests`,
    joinReplies: name => `${root}join/${name}/replies`,
    parseNode(topic) {
      const [name, ...leaf] = levelsBelow(`${root}nodes/`, topic)
      return name === undefined || leaf.length === 0 ? undefined : { node: name, leaf: leaf.join('/') }
    },
    parseClient(topic) {
      const [username, name, ...leaf] = levelsBelow(`${root}clients/`, topic)
      if (username === undefined || name === undefined || leaf.length === 0) return undefined
      return { username, client: name, leaf: leaf.join('/') }
    },
    parseJoin(topic) {
      const [name, ...leaf] = levelsBelow(`${root}join/`, topic)
      return name === undefined || leaf.length === 0 ? undefined : { client: name, leaf: leaf.join('/') }
    },
  }
}

function levelsBelow(prefix: string, topic: string): string[] {
  return topic.startsWith(prefix) ? topic.slice(prefix.length).split('/') : []
}
