/** A stand-in for the flotilla program: the real `lab` commands, but a master and agents that only say that they are there. */
import { readFileSync, rmSync } from 'node:fs'
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
  const [host, port] = flag('listen').split(':')
  door.listen(Number(port), host)
  rmSync(flag('socket'), { force: true })
  createServer(socket => socket.end(JSON.stringify([...nodes]))).listen(flag('socket'))
}

/** Its connection's end is its own; the board's supervisor starts it again. */
function serveAgent(): void {
  process.stdout.write(`agent ${words.join(' ')}\n`)
  const { hostname, port } = new URL(flag('master'))
  const socket = createConnection({ host: hostname, port: Number(port) })
  const say = (): boolean => socket.write(`${flag('name')}\n`)
  const beat = setInterval(say, 300)
  socket.on('connect', say)
  socket.on('error', error => process.stderr.write(`${error.message}\n`))
  socket.on('close', () => clearInterval(beat))
}

async function printNodes(): Promise<void> {
  const config = readFileSync(process.env['FLOTILLA_CONFIG'] ?? '', 'utf8')
  const [, path = ''] = config.match(/mqtt\+unix:\/\/([^\s"]+)/) ?? []
  const names = JSON.parse(await text(createConnection({ path }))) as string[]
  const conditions = [{ type: 'Ready', status: 'True' }]
  const items = names.map(name => ({ metadata: { name }, status: { conditions } }))
  process.stdout.write(JSON.stringify({ kind: 'List', items }))
}

try {
  if (command === 'master') serveMaster()
  else if (command === 'agent') serveAgent()
  else if (command === 'get') await printNodes()
  else {
    const root = { name: 'flotilla', summary: 'stand-in', commands: [labCommand] }
    process.exitCode = await runCommandLine(root, process.argv.slice(2), process)
  }
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 1
}
