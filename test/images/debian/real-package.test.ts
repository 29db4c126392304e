import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { version } from '../../../contract/version.ts'
import { buildDebs } from '../../../images/debian/build.ts'
import { type Architecture, architectures } from '../../../images/debian/control.ts'
import { architectures as programs } from '../../../images/program/architectures.ts'
import { connectTo, sandboxOn } from '../../agent/runtime/harness.ts'
import { runPod } from '../../agent/runtime/runtime-contract.ts'
import { boardImage } from '../../support/board.ts'
import { canMakeDebianRoot, makeDebianRoot } from './debian-root.ts'

const execute = promisify(execFile)
const dist = resolve(import.meta.dirname, '../../../dist')

/** Built once for all tests of this file. */
const shared = { folder: '', debs: new Map<Architecture, Promise<string[]>>() }
test.before(async () => {
  shared.folder = await mkdtemp(join(tmpdir(), 'flotilla-deb-'))
})
test.after.always(() => rm(shared.folder, { recursive: true, force: true }))

/** Of the packed program, when there is one: packing is not this test's work. */
async function buildReal(t: ExecutionContext, architecture: Architecture): Promise<string | undefined> {
  const packed = join(dist, `pack/flotilla-linux-${architectures[architecture]}`)
  if (![packed, `${packed}.cdx.json`, join(dist, `images/${architecture}/hello.tar`)].every(existsSync)) {
    can(t, false, `${packed} is missing: ./build.sh pack makes it`)
    return undefined
  }
  const options = { architectures: [architecture], outDir: shared.folder, level: 0, dist }
  const debs = shared.debs.get(architecture) ?? buildDebs(options)
  shared.debs.set(architecture, debs)
  return (await debs)[0]
}

/** False, with the reason logged, where this machine cannot do it; on CI that is a failure instead. */
function can(t: ExecutionContext, able: boolean, why: string): boolean {
  if (able) return true
  if (process.env['CI']) t.fail(why)
  else {
    t.log(why)
    t.pass()
  }
  return false
}

for (const architecture of ['amd64', 'arm64'] as const)
  test.serial(`the package for ${architecture} keeps to what lintian knows of Debian policy`, async t => {
    const deb = await buildReal(t, architecture)
    if (deb === undefined) return
    // Of a system older than the last policy: an error or a warning is one of ours. An override that nothing needs is one too.
    const words = ['--tag-display-limit', '0', '--fail-on', 'error,warning', '--allow-root', deb]
    const { stdout } = await execute('lintian', words).catch(error => error as { stdout: string })
    t.is(stdout, '')
  })

test.serial(
  'on trixie the program runs as it is installed, and its removal ends the pods and takes away the rules',
  async t => {
    if (!can(t, process.arch === 'x64', 'the program is run as it is, which is for x64')) return
    const deb = await buildReal(t, 'amd64')
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

test.serial(
  'the package for arm64 is installed, runs where its libraries are, ends pods, and is gone when it is purged',
  async t => {
    const [emulator, , libraries] = programs.arm64.emulator as [string, string, string]
    const isHere = existsSync(join('/usr/bin', emulator)) && existsSync(join(libraries, 'lib/libstdc++.so.6'))
    if (!can(t, isHere, `there is no ${emulator} with libraries in ${libraries}`)) return
    const deb = await buildReal(t, 'arm64')
    if (deb === undefined || !canMakeDebianRoot(t)) return
    const root = await makeDebianRoot(t, 'trixie')
    const { board } = root
    const before = await root.files()
    // All else in this system is for amd64, the shell of the maintainer scripts too: what they start of ours goes through the emulator.
    const interpreter = await root.put(join('/usr/bin', emulator))
    // It cannot begin anew with an agent's flags: the kernel would be given a program of another architecture.
    const emulated = `FLOTILLA_RESTARTED=1 exec ${interpreter} -L ${await root.put(libraries)} /usr/bin/flotilla "$@"`
    await root.run(`printf '#!/bin/sh\\n%s\\n' '${emulated}' >/usr/local/bin/flotilla; chmod 755 /usr/local/bin/flotilla
      dpkg --add-architecture arm64; dpkg -i --force-depends ${await root.put(deb)}`)
    t.regex(await root.run('dpkg -s flotilla'), /^Status: install ok installed\n[\s\S]*^Architecture: arm64$/m)
    t.is(await root.run('dpkg --verify flotilla'), '')
    t.true((await root.run('flotilla version --client')).includes(version))
    t.regex(await root.run('flotilla self-check'), /\/usr\/lib\/flotilla/)
    const runtime = connectTo(board)
    t.teardown(() => runtime.close())
    const harness = { runtime, image: boardImage, pullable: '', unknown: '' }
    await runPod({ ...harness, sandbox: name => sandboxOn(board, name) }, 'web', { main: 'sleep 1000' })
    await root.run('dpkg -P --force-depends flotilla')
    t.deepEqual(await runtime.listPods(), [])
    await root.run('rm /usr/local/bin/flotilla')
    t.deepEqual(await root.files(), before)
  },
)
