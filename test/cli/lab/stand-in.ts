/** A stand-in for the flotilla program: the real `lab` commands, but a master and agents that only say that they are there. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { labCommand } from '../../../cli/lab/lab.ts'
import { runCommandLine } from '../../../kit/command-line.ts'
import { messageOf } from '../../../kit/errors.ts'

const [command = '', ...words] = process.argv.slice(2)
const flag = (name: string): string => words[words.indexOf(`--${name}`) + 1] ?? ''

/** Who connects and says a name is a Ready node while the connection lasts; whoever comes by the unix socket is told. */
function serveMaster(): void {
  const nodes = new Set<string>()
  const door = createServer(socket => {
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const name = chunk.split('\n')[0] ?? ''
      if (!nodes.has(name)) socket.once('close', () => nodes.delete(name))
      nodes.add(name)
    })
    socket.on('error', () => socket.destroy())
  })
  const context = { name: 'lab', cluster: 'lab', server: 'mqtts://127.0.0.1', username: 'admin' }
  writeFileSync(`${flag('data')}/admin.yaml`, JSON.stringify({ contexts: [context] }), { mode: 0o600 })
  const [host, port] = flag('listen').split(':')
  door.listen(Number(port), host)
  rmSync(flag('socket'), { force: true })
  createServer(socket => socket.end(JSON.stringify([...nodes]))).listen(flag('socket'))
}

/** Its connection's end is its own; the board's supervisor starts it again. */
function serveAgent(): void {
  process.stdout.write(`agent ${words.join(' ')}\n`)
  process.stdout.write(
    readFileSync('/proc/self/status', 'utf8')
      .match(/^Cap(Bnd|Eff).*$/gm)
      ?.join('\n') ?? '',
  )
  join()
  const socket = createConnection({ host: '10.77.0.2', port: 8883 })
  const say = (): boolean => socket.write(`${flag('name')}\n`)
  const beat = setInterval(say, 300)
  socket.on('connect', say)
  socket.on('error', error => process.stderr.write(`${error.message}\n`))
  socket.on('close', () => clearInterval(beat))
}

/** Once: then the line is gone and the board has an identity. */
function join(): void {
  const folder = '/var/lib/flotilla/identity'
  if (statSync(`${folder}/identity.json`, { throwIfNoEntry: false })) return
  const line = readFileSync(flag('join'), 'utf8')
  const mode = (statSync(flag('join')).mode & 0o777).toString(8)
  mkdirSync(folder, { mode: 0o700, recursive: true })
  writeFileSync(`${folder}/identity.json`, JSON.stringify({ line, mode }))
  rmSync(flag('join'))
}

async function printNodes(): Promise<void> {
  const config = readFileSync(process.env['FLOTILLA_CONFIG'] ?? '', 'utf8')
  const [, path = ''] = config.match(/mqtts\+unix:\/\/([^\s"]+)/) ?? []
  const names = JSON.parse(await text(createConnection({ path }))) as string[]
  const conditions = [{ type: 'Ready', status: 'True' }]
  const items = names.map(name => ({ metadata: { name }, status: { conditions } }))
  process.stdout.write(JSON.stringify({ kind: 'List', items }))
}

try {
  if (command === 'master') serveMaster()
  else if (command === 'agent') serveAgent()
  else if (command === 'get') await printNodes()
  else if (command === 'token') process.stdout.write(`a line for ${flag('node')}\n`)
  else {
    const root = { name: 'flotilla', summary: 'stand-in', commands: [labCommand] }
    process.exitCode = await runCommandLine(root, process.argv.slice(2), process)
  }
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 1
}
