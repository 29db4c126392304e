import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { type ArchitectureName, architectures } from '../../../images/program/architectures.ts'
import { packProgram } from '../../../images/program/pack.ts'

const execute = promisify(execFile)
const root = resolve(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'flotilla-program-'))
const options = { root, outDir: join(folder, 'pack'), epoch: 1_700_000_000 }
/** What the programs are started with: no home, and addons in a folder that goes away with the test. */
const env = { PATH: process.env['PATH'], FLOTILLA_NATIVE_DIR: join(folder, 'native') }

/** Each is packed once, for whichever tests want it. */
const packing = new Map<ArchitectureName, Promise<string>>()
function packed(name: ArchitectureName): Promise<string> {
  const program = packing.get(name) ?? packProgram(architectures[name], options)
  packing.set(name, program)
  return program
}

test.before(async t => {
  t.timeout(120_000)
  await packed('x64')
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

const x64 = join(options.outDir, 'flotilla-linux-x64')

interface Ran {
  status: number
  stdout: string
  stderr: string
}

async function run(argv: string[], more: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const [program = '', ...words] = argv
  const settings = { env: { ...env, ...more }, timeout: 120_000, cwd: '/' }
  return await execute(program, words, settings).then(
    ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ status: code, stdout, stderr }),
  )
}

interface Report {
  packed: boolean
  architecture: string
  checks: Array<{ name: string; ok: boolean; detail: string }>
}

async function selfCheck(command: string[], more: NodeJS.ProcessEnv = {}): Promise<Report & Ran> {
  const ran = await run([...command, 'self-check', '--json'], more)
  return { ...ran, ...(JSON.parse(ran.stdout) as Report) }
}

/** False, with the reason logged, where this machine cannot do it; on CI that is a failure instead. */
function can(t: ExecutionContext, able: boolean, why: string): boolean {
  if (able) return true
  t.log(`skipped: ${why}`)
  t.is(process.env['CI'], undefined, why)
  return false
}

test('the program of this machine is whole', async t => {
  const { status, checks, packed } = await selfCheck([x64])
  t.deepEqual(
    checks.filter(({ ok }) => !ok),
    [],
  )
  t.is(status, 0)
  t.true(packed)
  t.true(checks.every(({ name, detail }) => name === 'assets' || detail.includes(env.FLOTILLA_NATIVE_DIR)))
})

test('it shows its help and its version', async t => {
  const help = await run([x64, '--help'])
  t.regex(help.stdout, /Commands:[\s\S]*\n {2}master[\s\S]*\n {2}lab/)
  t.notRegex(help.stdout, /self-check/)
  const wrong = await run([x64, 'no-such-command'])
  t.is(wrong.status, 2)
  t.is((await run([x64, 'version', '--help'])).status, 0)
})

test('it is one file: moved elsewhere, and called by another name, it is the same', async t => {
  const elsewhere = join(folder, 'elsewhere')
  mkdirSync(elsewhere)
  await execute('ln', [x64, join(elsewhere, 'fleet')])
  t.is((await selfCheck([join(elsewhere, 'fleet')])).status, 0)
  t.deepEqual(readdirSync(elsewhere), ['fleet'])
})

test('words for another program stay as they are, also those that Node knows', async t => {
  const { stderr } = await run([x64, 'self-check', '--node-options=--jitless'])
  t.regex(stderr, /unknown option '--node-options=--jitless'/)
  const { stdout } = await run([x64, 'self-check', '--json', '--', '--node-options=--no-such'])
  t.true((JSON.parse(stdout) as Report).packed)
})

test('settings of Node come by its own variable, and V8 without its compilers runs all that an agent is', async t => {
  t.is((await run([x64, 'agent', '--help'], { NODE_OPTIONS: '--jitless' })).status, 0)
  t.not((await run([x64, 'agent', '--help'], { NODE_OPTIONS: '--no-such-option' })).status, 0)
})

test('the master begins anew with its own flags, and one malloc arena', async t => {
  const place = join(folder, 'master')
  mkdirSync(place)
  const words = ['master', '--data', join(place, 'data'), '--socket', join(place, 'socket')]
  const child = execFile(x64, [...words, '--listen', '127.0.0.1:0'], { env })
  t.teardown(() => child.kill('SIGKILL'))
  const started = new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', text => /the master is up/.test(text) && resolve())
    child.stdout?.on('data', text => /the master is up/.test(text) && resolve())
    child.once('exit', status => reject(new Error(`the master ended with status ${status}`)))
  })
  await started
  const own = (name: string): string[] => readFileSync(`/proc/${child.pid}/${name}`, 'utf8').split('\0')
  t.deepEqual(own('cmdline').slice(1, 3), ['master', '--data'])
  t.regex(own('environ').join('\n'), /^NODE_OPTIONS=--max-semi-space-size=1 --max-old-space-size=256$/m)
  t.true(own('environ').includes('MALLOC_ARENA_MAX=1'))
  const closed = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await closed
})

test('an agent joins by starting itself', async t => {
  const line = join(folder, 'join')
  writeFileSync(line, 'not a join line\n')
  const child = execFile(x64, ['agent', '--join', line, '--data', join(folder, 'agent'), '--name', 'board'], { env })
  t.teardown(() => child.kill('SIGKILL'))
  const said = await new Promise<string>((resolve, reject) => {
    const texts: string[] = []
    const hear = (text: string): void => {
      texts.push(text)
      if (/has not joined its cluster yet/.test(text)) resolve(texts.join(''))
    }
    child.stderr?.on('data', hear)
    child.stdout?.on('data', hear)
    child.once('exit', status => reject(new Error(`the agent ended with status ${status}: ${texts.join('')}`)))
  })
  t.regex(said, /flotilla: cannot .*join/)
  const closed = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await closed
})

/** Everything is read-only, temporary places take no programs but for `executable`, and it is run by nobody without a home. */
function confined(executable: string[], words: string[]): string[] {
  const noexec = ['/tmp', '/run', '/var/tmp', '/dev/shm'].filter(path => !executable.includes(path))
  const script = [
    'set -eu',
    'mount -t tmpfs tmpfs /mnt',
    `mkdir /mnt/program && mount --bind ${options.outDir} /mnt/program`,
    'mkdir -m 1777 /mnt/own',
    'mount -o remount,bind,ro /',
    ...noexec.map(path => `mount -t tmpfs -o mode=1777,noexec tmpfs ${path}`),
    ...executable.map(path => `mount -t tmpfs -o mode=1777 tmpfs ${path}`),
    'exec setpriv --reuid 65534 --regid 65534 --clear-groups env -i "$@"',
  ].join('\n')
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...words]
}

const program = '/mnt/program/flotilla-linux-x64'

test('it runs from a read-only root with a /tmp that takes no programs, as nobody', async t => {
  if (!can(t, process.getuid?.() === 0, 'mounting needs root')) return
  const { status, checks } = await selfCheck(confined(['/dev/shm'], [program]))
  t.is(status, 0)
  const [, store] = checks
  t.regex(store!.detail, /\/dev\/shm\/flotilla-native-65534\/classic-level-/)
})

test('where no folder takes programs, it says which it tried, and what helps', async t => {
  if (!can(t, process.getuid?.() === 0, 'mounting needs root')) return
  const { status, checks } = await selfCheck(confined([], [program]))
  t.is(status, 1)
  const { detail } = checks.find(({ name }) => name === 'store')!
  t.regex(detail, /no folder will do: set FLOTILLA_NATIVE_DIR/)
  t.regex(detail, /\/dev\/shm\/flotilla-native-65534: .*(failed to map|not permitted)/i)
  const told = await selfCheck(confined([], ['FLOTILLA_NATIVE_DIR=/mnt/own/native', program]))
  t.is(told.status, 0)
})

test('the same sources give the same program, in another folder and for somebody else', async t => {
  if (!can(t, process.getuid?.() === 0, 'mounting needs root')) return
  t.timeout(180_000)
  const clone = join(folder, 'another/clone')
  const home = join(folder, 'home')
  for (const path of [clone, home]) mkdirSync(path, { recursive: true })
  const pack = 'images/program/pack.ts --arch x64,arm64 --out "$1/pack"'
  const script = `mount --bind ${root} ${clone} && cd ${clone} && exec "$0" ${pack}`
  const argv = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, process.execPath, home]
  // What npm has fetched for arm64 is compared with the lock file, whoever fetched it.
  const XDG_CACHE_HOME = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const somebody = { HOME: home, TMPDIR: home, XDG_CACHE_HOME, SOURCE_DATE_EPOCH: `${options.epoch}` }
  await packed('arm64')
  const { status, stderr } = await run(argv, somebody)
  t.is(status, 0, stderr)
  for (const architecture of ['x64', 'arm64'])
    for (const name of [`flotilla-linux-${architecture}`, `flotilla-linux-${architecture}.cdx.json`])
      t.is(hashOf(join(home, 'pack', name)), hashOf(join(options.outDir, name)), name)
})

const others: Array<{ name: ArchitectureName; lacks: string[] }> = [
  { name: 'arm64', lacks: [] },
  { name: 'armv7', lacks: ['terminal'] },
]
for (const { name, lacks } of others) {
  test(`the program for ${name} is whole, but for what it is known to lack: ${lacks.join() || 'nothing'}`, async t => {
    t.timeout(180_000)
    const [emulator = '', flag = '', libraries = ''] = architectures[name].emulator
    const isHere = existsSync(join('/usr/bin', emulator)) && existsSync(join(libraries, 'lib/libstdc++.so.6'))
    if (!can(t, isHere, `there is no ${emulator} with libraries in ${libraries}`)) return
    const path = await packed(name)
    const { checks, architecture } = await selfCheck([emulator, flag, libraries, path])
    t.deepEqual(
      checks.filter(({ ok }) => !ok).map(check => check.name),
      lacks,
    )
    t.is(architecture, name === 'armv7' ? 'arm' : name)
    t.regex((await run([emulator, flag, libraries, path, '--help'])).stdout, /Commands:/)
  })
}

test('its bill of materials names what is in it, and no tool that made it', t => {
  const bill = JSON.parse(readFileSync(`${x64}.cdx.json`, 'utf8'))
  t.is(bill.bomFormat, 'CycloneDX')
  t.is(bill.metadata.component.hashes[0].content, hashOf(x64))
  const components = new Map<string, { version?: string; licenses?: unknown; purl?: string }>(
    bill.components.map((component: { name: string }) => [component.name, component]),
  )
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  for (const name of ['aedes', 'mqtt', 'classic-level', '@lydell/node-pty', '@lydell/node-pty-linux-x64', 'yaml']) {
    t.is(components.get(name)?.version, lock.packages[`node_modules/${name}`].version, name)
    t.truthy(components.get(name)?.licenses, name)
  }
  t.is(components.get('node')?.version, process.versions.node)
  t.is(components.get('node:openssl')?.version, process.versions.openssl)
  t.true(components.has('native/classic-level.node'))
  for (const name of ['esbuild', 'postject', 'ava', 'typescript', '@cyclonedx/cyclonedx-library'])
    t.false(components.has(name), name)
  t.is(
    new Set(bill.components.map((component: { 'bom-ref': string }) => component['bom-ref'])).size,
    bill.components.length,
  )
})

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
