/** A real Mosquitto of the test's own, on a free port of the loopback. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { MqttHarness } from './harness.ts'

const program = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find(existsSync)

/** A test run that dies takes its brokers with it. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** False when it is not installed, which only CI counts as a failure. */
export function hasMosquitto(t: ExecutionContext): boolean {
  if (program) return true
  if (process.env['CI']) t.fail('mosquitto is not installed')
  else t.pass('mosquitto is not installed: skipped')
  return false
}

/** `more`: lines of its configuration. */
export async function startMosquitto(more: string[] = []): Promise<MqttHarness> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-mosquitto-'))
  const port = await freePort()
  const config = join(directory, 'mosquitto.conf')
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'max_packet_size 4194304',
    'persistence false',
    ...more,
  ]
  await writeFile(config, `${lines.join('\n')}\n`)
  const child = spawn(program ?? 'mosquitto', ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  running.add(child)
  const gone = new Promise<void>(resolve => child.once('close', () => resolve()))
  await started(child)
  return new MqttHarness(port, async () => {
    child.kill('SIGKILL')
    await gone
    running.delete(child)
    await rm(directory, { recursive: true, force: true })
  })
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.once('error', reject)
    child.once('close', () => reject(new Error(`cannot start mosquitto: ${said}`)))
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk
      if (said.includes('running')) resolve()
    })
  })
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
