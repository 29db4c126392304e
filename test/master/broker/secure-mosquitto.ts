/** A real Mosquitto with the configuration that Flotilla renders for it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Identity } from '../../../contract/wire/identity.ts'
import { renderMosquitto } from '../../../contract/wire/mosquitto.ts'
import type { ServerTls } from '../../../master/broker/tls-door.ts'
import { freePort } from '../../kit/bus/mosquitto.ts'
import { eventually } from '../../kit/eventually.ts'

const program = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find(existsSync)

/** A test run that dies takes its brokers with it. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface SecureMosquittoOptions {
  cluster: string
  identities: Identity[]
  tls: ServerTls
  /** PEM. */
  crl?: string
}

export interface SecureMosquitto {
  port: number
  joinPort: number
  close(): Promise<void>
}

export async function startSecureMosquitto(options: SecureMosquittoOptions): Promise<SecureMosquitto> {
  const { cluster, identities, tls, crl } = options
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-mosquitto-'))
  const at = (name: string): string => join(directory, name)
  const files = {
    ca: at('ca.crt'),
    cert: at('server.crt'),
    key: at('server.key'),
    acl: at('acl'),
    joinAcl: at('join.acl'),
  }
  const listen = { host: '127.0.0.1', port: await freePort(), joinPort: await freePort() }
  const paths = crl === undefined ? files : { ...files, crl: at('crl') }
  const { conf, acl, joinAcl } = renderMosquitto({ cluster, identities, listen, files: paths })
  const contents = { ...{ [files.ca]: tls.ca, [files.cert]: tls.cert, [files.key]: tls.key }, [files.acl]: acl }
  const all = { ...contents, [files.joinAcl]: joinAcl, [at('conf')]: conf, [at('crl')]: crl ?? '' }
  for (const [path, text] of Object.entries(all)) await writeFile(path, text, { mode: 0o600 })
  // As root it would become another user, who cannot read this folder.
  if (process.getuid?.() === 0) await appendFile(at('conf'), '\nuser root\n')
  const child = spawn(program ?? 'mosquitto', ['-c', at('conf')], { stdio: ['ignore', 'ignore', 'pipe'] })
  running.add(child)
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk
  })
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'close')
      child.kill('SIGKILL')
      await gone
    }
    running.delete(child)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await eventually('mosquitto', () => said.includes('running') || child.exitCode !== null)
    if (child.exitCode !== null) throw new Error(`cannot start mosquitto: ${said}`)
  } catch (error) {
    await close()
    throw error
  }
  return { port: listen.port, joinPort: listen.joinPort, close }
}
