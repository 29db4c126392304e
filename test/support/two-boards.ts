/** Two boards and a client on one LAN, as the product makes them: pods get their addresses from the very CNI file that it writes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PodNetwork, PodNetworkWish, ServiceProxy } from '../../agent/network/network.ts'
import { createNftProxy } from '../../agent/network/nft-proxy.ts'
import { createPodNetwork } from '../../agent/network/pod-network.ts'
import type { EndpointRoute } from '../../contract/wire/fleet.ts'
import { systemClock } from '../../kit/clock.ts'
import { createLog } from '../../kit/log.ts'
import { NamespaceGroup, type Netns } from './netns.ts'

export interface Board {
  name: string
  address: string
  netns: Netns
  podNetwork: PodNetwork
  proxy: ServiceProxy
  wish: PodNetworkWish
  directory: string
  /** Lines of warnings that the product logged. */
  warnings: string[]
}

export interface TestPod {
  name: string
  netns: Netns
  /** Its HTTP and UDP server, which answers with the pod's name and the asker's address. */
  endpoint: EndpointRoute
}

export interface TwoBoards {
  boards: [Board, Board]
  client: Netns
  addPod(board: Board, name: string): Promise<TestPod>
  remove(): Promise<void>
}

const cluster = { clusterCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/16' }
const lan = '192.168.77'
const podPort = 8080

export async function createTwoBoards(): Promise<TwoBoards> {
  const group = new NamespaceGroup()
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-boards-'))
  const remove = async (): Promise<void> => {
    await group.remove()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const bridge = await group.add('lan')
    await bridge.run(['ip', 'link', 'add', 'bridge', 'type', 'bridge'])
    await bridge.run(['ip', 'link', 'set', 'bridge', 'up'])
    const client = await addHost(group, bridge, { name: 'client', address: `${lan}.20` })
    const one = await addBoard(group, bridge, { directory, index: 1 })
    const two = await addBoard(group, bridge, { directory, index: 2 })
    return { boards: [one, two], client, addPod: (board, name) => addPod(group, board, name), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Asks from inside of a namespace, `ask(netns, 'tcp://10.96.0.10:80', 5)`: each answer, or the code of its error. See `ask.ts`. */
export async function ask(from: Netns, target: string, count = 1): Promise<string[]> {
  return JSON.parse(await from.run(askCommand(target, count)))
}

export function askCommand(target: string, count: number): string[] {
  const { protocol, hostname, port } = new URL(target)
  const script = join(import.meta.dirname, 'ask.ts')
  return [process.execPath, script, protocol.slice(0, -1), hostname, port, `${count}`]
}

async function addHost(group: NamespaceGroup, bridge: Netns, host: { name: string; address: string }): Promise<Netns> {
  const netns = await group.add(host.name)
  await bridge.connect(host.name, netns, 'eth0')
  await bridge.run(['ip', 'link', 'set', host.name, 'master', 'bridge'])
  await netns.run(['ip', 'address', 'add', `${host.address}/24`, 'dev', 'eth0'])
  return netns
}

async function addBoard(
  group: NamespaceGroup,
  bridge: Netns,
  at: { directory: string; index: number },
): Promise<Board> {
  const name = `board-${at.index}`
  const address = `${lan}.1${at.index}`
  const directory = join(at.directory, name)
  const netns = await addHost(group, bridge, { name, address })
  const warnings: string[] = []
  const log = createLog({ level: 'warn', write: line => warnings.push(line) })
  const common = { clock: systemClock, log, run: netns.run }
  const paths = { cniConfDir: join(directory, 'net.d'), cniDataDir: join(directory, 'data') }
  const nodes = [1, 2].map(index => ({
    name: `board-${index}`,
    address: `${lan}.1${index}`,
    podCIDR: `10.244.${index}.0/24`,
  }))
  const wish = { ...cluster, nodeName: name, podCIDR: `10.244.${at.index}.0/24`, nodes }
  const board = {
    ...{ name, address, netns, directory, warnings, wish },
    podNetwork: createPodNetwork({ ...common, paths }),
    proxy: createNftProxy(common),
  }
  await board.podNetwork.apply(wish)
  return board
}

async function addPod(group: NamespaceGroup, board: Board, name: string): Promise<TestPod> {
  const netns = await group.add(name)
  const ip = await attachByCni(board, netns)
  const server = join(import.meta.dirname, 'name-server.ts')
  await netns.start([process.execPath, server, name, `${podPort}`])
  return { name, netns, endpoint: { ip, port: podPort, node: board.name } }
}

/** What containerd does: the plugin gets its part of the list, with name and version, and answers with the address. */
async function attachByCni(board: Board, pod: Netns): Promise<string> {
  const list = JSON.parse(await readFile(join(board.directory, 'net.d', '10-flotilla.conflist'), 'utf8'))
  const config = JSON.stringify({ cniVersion: list.cniVersion, name: list.name, ...list.plugins[0] })
  const environment = [
    'CNI_COMMAND=ADD',
    `CNI_CONTAINERID=${pod.name}`,
    `CNI_NETNS=${pod.path}`,
    'CNI_IFNAME=eth0',
    'CNI_PATH=/usr/lib/cni',
  ]
  const result = JSON.parse(await board.netns.run(['env', ...environment, '/usr/lib/cni/ptp'], { stdin: config }))
  return String(result.ips[0].address).split('/')[0] ?? ''
}
