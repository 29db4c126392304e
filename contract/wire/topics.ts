/**
 * Every MQTT topic, built and parsed here and nowhere else.
 *
 *     flotilla/v1/<cluster>/master/presence              retained  who is master, with its epoch
 *                           nodes/<node>/presence        retained  online, or offline by the Last Will
 *                           nodes/<node>/beat                      "still here", every second on a LAN
 *                           nodes/<node>/report                    observed state, node to master
 *                           nodes/<node>/wish/index|docs/<hash>    retained  desired state, master to node
 *                           nodes/<node>/requests                  what is asked of a node (logs, exec)
 *                           network/index|docs/<hash>    retained  the service table, master to all nodes
 *                           master/requests                        what is asked of the API
 *                           clients/<client>/replies               answers to one client
 *                           streams/<client>/<stream>/up|down      the bytes of a watch, a log, a shell
 *
 * Node names are DNS labels here (no dots: RabbitMQ turns them into slashes).
 */

export interface Topics {
  masterPresence: string
  masterRequests: string
  /** Prefix of the retained collection that all nodes share. */
  network: string
  nodePresence(node: string): string
  nodeBeat(node: string): string
  nodeReport(node: string): string
  nodeRequests(node: string): string
  /** Prefix of the retained collection of one node. */
  nodeWish(node: string): string
  clientReplies(client: string): string
  /** Prefix of a stream; the opener reads `down` and writes `up`. */
  stream(client: string, stream: string): string
  /** What a reply topic and a stream prefix look like: nobody may make us write to any other. */
  repliesPattern: RegExp
  streamPattern: RegExp
  /** The node's name in a topic that one of the `node…` builders made; undefined for any other topic. */
  parseNode(topic: string): { node: string; leaf: string } | undefined
}

export const wirePrefix = 'flotilla/v1'

export function topicsOf(cluster: string): Topics {
  const root = `${wirePrefix}/${cluster}`
  const node =
    (leaf: string) =>
    (name: string): string =>
      `${root}/nodes/${name}/${leaf}`
  return {
    masterPresence: `${root}/master/presence`,
    masterRequests: `${root}/master/requests`,
    network: `${root}/network`,
    nodePresence: node('presence'),
    nodeBeat: node('beat'),
    nodeReport: node('report'),
    nodeRequests: node('requests'),
    nodeWish: node('wish'),
    clientReplies: client => `${root}/clients/${client}/replies`,
    repliesPattern: new RegExp(`^${root}/clients/[^/+#]+/replies$`),
    streamPattern: new RegExp(`^${root}/streams/[^/+#]+/[^/+#]+$`),
    stream: (client, stream) => `${root}/streams/${client}/${stream}`,
    parseNode(topic) {
      const levels = topic.split('/')
      const name = levels[4]
      if (!topic.startsWith(`${root}/nodes/`) || name === undefined || levels.length < 6) return undefined
      return { node: name, leaf: levels.slice(5).join('/') }
    },
  }
}
