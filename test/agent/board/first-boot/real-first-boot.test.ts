import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { formatCardSettings } from '../../../../contract/card/read-card.ts'
import { formatTicket, parseTicket } from '../../../../contract/wire/join.ts'
import { eventually } from '../../../kit/eventually.ts'
import { canUseNamespaces, NamespaceGroup, type Netns } from '../../../support/netns.ts'
import { temporaryDirectory } from '../../identity/cluster.ts'

const execute = promisify(execFile)
const flotilla = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(import.meta.dirname, '../../../../flotilla.ts'),
]
const namespaces = join(import.meta.dirname, 'board-in-namespace.sh')

interface Lan {
  master: Netns
  board: Netns
}

async function lanOf(t: ExecutionContext): Promise<Lan> {
  const group = new NamespaceGroup()
  t.teardown(() => group.remove())
  const [master, board] = [await group.add('master'), await group.add('board')]
  await master.connect('eth0', board, 'eth0')
  await master.run(['ip', 'address', 'add', '10.98.1.1/24', 'dev', 'eth0'])
  await board.run(['ip', 'address', 'add', '10.98.1.2/24', 'dev', 'eth0'])
  return { master, board }
}

async function startMaster({ master }: Lan, folder: string): Promise<string[]> {
  const [data, socket] = [join(folder, 'master'), join(folder, 'master.sock')]
  await master.start(['sh', '-c', `exec ${[...flotilla, 'master', '--data', data, '--socket', socket].join(' ')} 2>&1`])
  const config = join(data, 'admin.yaml')
  await eventually('the master', () => existsSync(socket) && existsSync(config), 30_000)
  return ['--config', config]
}

async function run(args: string[]): Promise<string> {
  const [program = '', ...rest] = [...flotilla, ...args]
  return (await execute(program, rest, { timeout: 30_000 })).stdout
}

/** One start of the board. Resolves to what it said. */
async function powerOn({ board }: Lan, folder: string): Promise<string> {
  const [program = '', ...rest] = [...flotilla, 'first-boot']
  const own = ['--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc']
  const command = ['unshare', ...own, namespaces, folder, 'timeout', '60', program, ...rest]
  return board.run(['sh', '-c', `"$@" 2>&1`, 'sh', ...command], { deadlineMs: 90_000 })
}

test('a board whose card names an old address finds its master on the LAN, joins it over TLS, and forgets the line', async t => {
  if (!canUseNamespaces(t, ['ip', 'nsenter', 'unshare', 'mount'])) return
  const [lan, folder] = [await lanOf(t), await temporaryDirectory(t)]
  await chmod(folder, 0o755)
  const config = await startMaster(lan, folder)
  const ticket = parseTicket(await run(['token', 'create', '--node', 'kitchen', ...config]))
  t.deepEqual(ticket.addresses, ['10.98.1.1:8883'])
  await mkdir(join(folder, 'card'))
  const settings = { board: 'qemu-virt', hostname: 'kitchen', timezone: 'Etc/UTC' }
  await writeFile(join(folder, 'card/card.yaml'), formatCardSettings(settings))
  await writeFile(join(folder, 'card/join'), formatTicket({ ...ticket, addresses: ['10.98.1.77:8883'] }))

  const said = await powerOn(lan, folder)
  t.log(said)
  t.regex(said, /nobody answers there: looking for the master on the local network/)
  t.regex(said, /done: this board is node kitchen/)
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
  t.is(await read('card/status.txt'), 'done: this board is node kitchen\n')
  t.false(existsSync(join(folder, 'card/join')))
  t.is(await read('hostname'), 'kitchen\n')
  t.is(await read('live-hostname'), 'kitchen\n')
  t.regex(await read('60-flotilla-wired.network'), /DHCP=yes/)
  t.regex(await read('ran'), /systemctl start --no-block flotilla-agent.service/)
  const identity = JSON.parse(await read('disk/flotilla/identity/identity.json')) as { servers: string[] }
  t.deepEqual(identity.servers, ['mqtts://10.98.1.1:8883'])
  t.false(said.includes(ticket.token.secret))

  const again = await powerOn(lan, folder)
  t.false(again.includes('step'), 'the second start has nothing to do')
  const tokens = await run(['token', 'list', '-o', 'json', ...config])
  t.regex(tokens, /"used": \[\s*\{/)
})

test('the board of the first master starts it, and is its first node', async t => {
  if (!canUseNamespaces(t, ['ip', 'nsenter', 'unshare', 'mount'])) return
  const [lan, folder] = [await lanOf(t), await temporaryDirectory(t)]
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'card'))
  const settings = { board: 'qemu-virt', hostname: 'first', role: 'master' as const }
  await writeFile(join(folder, 'card/card.yaml'), formatCardSettings(settings))
  const socket = join(folder, 'master.sock')
  const start = `#!/bin/sh\nexec ${[...flotilla, 'master', '--socket', socket].join(' ')}\n`
  await writeFile(join(folder, 'start-master'), start, { mode: 0o755 })
  const said = await powerOn(lan, folder)
  t.log(said)
  t.regex(said, /done: this board is node first/)
  const identity = await readFile(join(folder, 'disk/flotilla/identity/identity.json'), 'utf8')
  const { servers, nodeName } = JSON.parse(identity) as { servers: string[]; nodeName: string }
  t.is(nodeName, 'first')
  t.deepEqual(
    servers,
    ['mqtts://127.0.0.1:8883', 'mqtts://10.98.1.2:8883'],
    'it finds itself without a network as well',
  )
})
