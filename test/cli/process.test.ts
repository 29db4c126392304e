import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { systemClock } from '../../kit/clock.ts'
import { silentLog } from '../../kit/log.ts'
import { systemRandom } from '../../kit/random.ts'
import { startMaster } from '../../master/master.ts'
import { writeContexts } from './harness.ts'

interface Place {
  home: string
  run(
    argv: string[],
    options?: { lines?: number; onText?: () => void },
  ): Promise<{ status: number | null; stdout: string; stderr: string }>
}

/** The whole program as a process, with an empty home. With `lines`, its stdout is closed after so many; `onText`: it has said something. */
async function open(t: ExecutionContext): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), 'flotilla-process-'))
  t.teardown(() => rm(home, { recursive: true }))
  const program = join(import.meta.dirname, '../../flotilla.ts')
  return {
    home,
    async run(argv, { lines, onText } = {}) {
      const child = spawn(process.execPath, [program, ...argv], {
        env: { HOME: home },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const stderr = text(child.stderr)
      let stdout = ''
      child.stdout.setEncoding('utf8').on('data', (part: string) => {
        stdout += part
        onText?.()
        if (lines !== undefined && stdout.split('\n').length > lines) child.stdout.destroy()
      })
      const [status] = await once(child, 'close')
      return { status, stdout, stderr: await stderr }
    },
  }
}

test('without a configuration it says how to make one', async t => {
  const { run, home } = await open(t)
  const ran = await run(['get', 'pods', '--config', join(home, 'nothing.yaml')])
  t.is(ran.status, 1)
  t.regex(ran.stderr, /^error: cannot read the configuration .*nothing\.yaml/)
})

test('a broker that cannot be reached is named, with what to try', async t => {
  const { run, home } = await open(t)
  await writeContexts(home, [{ name: 'home', cluster: 'home', server: 'mqtts://127.0.0.1:1', username: 'alice' }])
  const ran = await run(['get', 'pods'])
  t.is(ran.status, 1)
  t.regex(ran.stderr, /^error: cannot reach the broker at 127\.0\.0\.1:1: because ECONNREFUSED: .*--server/)
})

test('help has examples, and a wrong word is status 2', async t => {
  const { run } = await open(t)
  const help = await run(['get', '--help'])
  t.is(help.status, 0)
  t.regex(help.stdout, /Examples:\n {2}\$ flotilla get nodes -o wide/)
  const wrong = await run(['gte', 'pods'])
  t.is(wrong.status, 2)
  t.regex(wrong.stderr, /unknown command/)
})

test('a reader that has enough ends it without a word', async t => {
  const { run } = await open(t)
  const ran = await run(['api-resources'], { lines: 1 })
  t.deepEqual([ran.status, ran.stderr], [0, ''])
})

test('the whole way: process, configuration, socket, broker, API, disk', async t => {
  const { run, home } = await open(t)
  const socketPath = join(home, 'master.sock')
  const master = await startMaster({
    cluster: 'home',
    dataDirectory: join(home, 'data'),
    listen: [{ type: 'tls-unix', socketPath, mode: 0o600 }],
    brokerUrl: undefined,
    profile: 'lan',
    clusterCIDR: '10.244.0.0/16',
    serviceCIDR: '10.96.0.0/16',
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  })
  t.teardown(() => master.stop())
  const config = join(home, 'data', 'admin.yaml')
  const manifest = join(home, 'web.yaml')
  await writeFile(manifest, 'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n')
  t.is((await run(['apply', '-f', manifest, '--config', config])).stdout, 'service/web created\n')
  const got = await run(['get', 'svc', 'web', '-o', 'yaml', '--config', config])
  t.regex(got.stdout, /^kind: Service$/m)
  t.regex(got.stdout, /clusterIP: 10\.96\./)

  const out = join(home, 'alice.yaml')
  const made = await run(['user', 'create', 'alice', '--role', 'view', '-A', '--out', out, '--config', config])
  t.is(made.status, 0, made.stderr)
  t.is((await run(['get', 'svc', 'web', '-o', 'name', '--config', out])).stdout, 'service/web\n')
  const forbidden = await run(['delete', 'svc', 'web', '--config', out])
  t.regex(forbidden.stderr, /Forbidden.*"alice" cannot delete/)
  const { promise: shown, resolve: onText } = Promise.withResolvers<void>()
  const watching = run(['get', 'svc', '-w', '--config', out], { onText })
  // A watch that ends at once has nothing to show.
  await Promise.race([shown, watching])
  t.is((await run(['user', 'revoke', 'alice', '-y', '--config', config])).status, 0)
  const shutOut = await watching
  t.is(shutOut.status, 1)
  t.regex(shutOut.stderr, /^Error from server \(Unauthorized\): cannot log in as alice .*\n$/)
  const revoked = await run(['get', 'svc', '--config', out])
  t.is(revoked.status, 1)
  t.regex(revoked.stderr, /cannot log in as alice .*flotilla user create alice/)
})
