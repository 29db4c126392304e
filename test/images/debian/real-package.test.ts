import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { version } from '../../../contract/version.ts'
import { buildDebs } from '../../../images/debian/build.ts'
import { connectTo, sandboxOn } from '../../agent/runtime/harness.ts'
import { runPod } from '../../agent/runtime/runtime-contract.ts'
import { boardImage } from '../../support/board.ts'
import { canMakeDebianRoot, makeDebianRoot } from './debian-root.ts'

const execute = promisify(execFile)
const dist = resolve(import.meta.dirname, '../../../dist')
const packed = join(dist, 'pack/flotilla-linux-x64')

/** Of the packed program, when there is one: packing is not this test's work. */
async function buildReal(t: ExecutionContext): Promise<string | undefined> {
  const isHere = process.arch === 'x64' && existsSync(packed) && existsSync(`${packed}.cdx.json`)
  if (!isHere) {
    if (process.env['CI']) t.fail(`${packed} is missing: ./build.sh pack makes it`)
    else {
      t.log(`${packed} is missing: ./build.sh pack makes it`)
      t.pass()
    }
    return undefined
  }
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-deb-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'dist/images/amd64'), { recursive: true })
  await symlink(join(dist, 'pack'), join(folder, 'dist/pack'))
  for (const name of ['pause', 'hello'])
    await cp(join(dist, `images/${name}.tar`), join(folder, `dist/images/amd64/${name}.tar`))
  const options = { outDir: folder, level: 0, dist: join(folder, 'dist') }
  return (await buildDebs({ architectures: ['amd64'], ...options }))[0]
}

test.serial('the package keeps to what lintian knows of Debian policy', async t => {
  const deb = await buildReal(t)
  if (deb === undefined) return
  // Of a system older than the last policy: an error or a warning is one of ours. An override that nothing needs is one too.
  const words = ['--tag-display-limit', '0', '--fail-on', 'error,warning', '--allow-root', deb]
  const { stdout } = await execute('lintian', words).catch(error => error as { stdout: string })
  t.is(stdout, '')
})

test.serial(
  'on trixie the program runs as it is installed, and its removal ends the pods and takes away the rules',
  async t => {
    const deb = await buildReal(t)
    if (deb === undefined || !canMakeDebianRoot(t)) return
    const root = await makeDebianRoot(t, 'trixie')
    const { board } = root
    const before = await root.files()
    await root.run(`dpkg -i ${await root.put(deb)}`)
    t.is((await root.run('flotilla version --client')).includes(version), true)
    t.regex(
      await root.run('flotilla self-check'),
      /\/usr\/lib\/flotilla/,
      'its addons are loaded from where the package has them',
    )
    for (const shell of ['bash', 'zsh', 'fish'])
      t.regex(await root.run(`flotilla completion ${shell}`), /Made by: flotilla completion/)

    const runtime = connectTo(board)
    t.teardown(() => runtime.close())
    const harness = {
      runtime,
      image: boardImage,
      pullable: '',
      unknown: '',
      sandbox: (name: string) => sandboxOn(board, name),
    }
    await runPod(harness, 'web', { main: 'sleep 1000' })
    await board.run(['nft', 'add table ip flotilla; add table ip somebody'])
    await board.run(['ip', 'route', 'add', '10.244.7.0/24', 'dev', 'lo', 'proto', '120'])

    await root.run('dpkg -P flotilla')
    t.deepEqual(await runtime.listPods(), [])
    t.is((await board.run(['ctr', '-a', board.socketPath, '-n', 'k8s.io', 'containers', 'list', '-q'])).stdout, '')
    t.is((await board.run(['nft', 'list', 'tables'])).stdout, 'table ip somebody\n')
    t.is((await board.run(['ip', 'route', 'show', 'proto', '120'])).stdout, '')
    t.deepEqual(await root.files(), before)
  },
)
