import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { VolumeFiles } from '../../../agent/volumes/render-files.ts'
import { makeEmptyDirectory, readVolumeFile, writeFiles } from '../../../agent/volumes/write-files.ts'
import { seededRandom } from '../../../kit/random.ts'

async function makeVolume(t: ExecutionContext): Promise<{ path: string; write(files: VolumeFiles): Promise<boolean> }> {
  const directory = await mkdtemp(join(tmpdir(), 'fv-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'volume')
  const random = seededRandom(1)
  return { path, write: files => writeFiles(path, files, random) }
}

const filesOf = (contents: Record<string, string>, mode = 0o644): VolumeFiles =>
  new Map(Object.entries(contents).map(([path, text]) => [path, { content: Buffer.from(text), mode }]))

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777

test('files are read where they are asked for, each through the one link that changes them all', async t => {
  const { path, write } = await makeVolume(t)
  t.true(await write(filesOf({ key: 'one', 'deep/er/file': 'two' })))
  t.is(await readFile(join(path, 'key'), 'utf8'), 'one')
  t.is(await readFile(join(path, 'deep/er/file'), 'utf8'), 'two')
  t.is(await readlink(join(path, 'key')), '..data/key')
  t.is(await readlink(join(path, 'deep')), '..data/deep')
  t.deepEqual((await readVolumeFile(path, 'key'))?.toString(), 'one')
  t.is(await readVolumeFile(path, 'absent'), undefined)
})

test('modes are those that were asked for, whatever the umask; the directories let others pass', async t => {
  const { path, write } = await makeVolume(t)
  await write(filesOf({ open: 'x', 'a/closed': 'y' }, 0o666))
  t.is(await modeOf(join(path, 'open')), 0o666)
  for (const directory of ['', '..data', 'a']) t.is(await modeOf(join(path, directory)), 0o755)
  await write(filesOf({ open: 'x', 'a/closed': 'y' }, 0o400))
  t.is(await modeOf(join(path, 'open')), 0o400)
})

test('files that are the same are not written again', async t => {
  const { path, write } = await makeVolume(t)
  await write(filesOf({ a: '1', 'b/c': '2' }))
  const before = await readlink(join(path, '..data'))
  t.false(await write(filesOf({ 'b/c': '2', a: '1' })))
  t.is(await readlink(join(path, '..data')), before)
  t.true(await write(filesOf({ a: '1', 'b/c': '3' })))
  t.true(await write(filesOf({ a: '1' })), 'fewer files are another volume')
  t.true(await write(filesOf({ a: '1' }, 0o600)), 'so are others rights')
})

test('what is no longer there goes, and nothing of an earlier version stays behind', async t => {
  const { path, write } = await makeVolume(t)
  await write(filesOf({ old: 'x', both: 'y', 'dir/old': 'z' }))
  await write(filesOf({ both: 'y', new: 'x' }))
  t.deepEqual((await readdir(path)).filter(name => !name.startsWith('..')).sort(), ['both', 'new'])
  t.is((await readdir(path)).filter(name => name.startsWith('..')).length, 2, 'the link and what it names')
})

test('a volume without files is an empty directory', async t => {
  const { path, write } = await makeVolume(t)
  await write(filesOf({ old: 'x' }))
  await write(filesOf({}))
  t.deepEqual(
    (await readdir(path)).filter(name => !name.startsWith('..')),
    [],
  )
})

test('what an agent left half written is cleared away by the next one', async t => {
  const { path, write } = await makeVolume(t)
  await write(filesOf({ key: 'one' }))
  await mkdir(join(path, '..unfinished'))
  await writeFile(join(path, '..unfinished/key'), 'half')
  await symlink('..unfinished', join(path, '..data_tmp'))
  await write(filesOf({ key: 'two' }))
  t.is(await readFile(join(path, 'key'), 'utf8'), 'two')
  t.deepEqual(
    (await readdir(path)).filter(name => name.startsWith('..unf') || name.endsWith('_tmp')),
    [],
  )
})

test('a link to a version that is gone is mended', async t => {
  const { path, write } = await makeVolume(t)
  await write(filesOf({ key: 'one' }))
  await rm(join(path, await readlink(join(path, '..data'))), { recursive: true })
  t.true(await write(filesOf({ key: 'one' })))
  t.is(await readFile(join(path, 'key'), 'utf8'), 'one')
})

test('a program that reads by the link never sees files of two versions', async t => {
  const { path, write } = await makeVolume(t)
  const version = (number: number): VolumeFiles =>
    filesOf({ a: `${number}`, b: `${number}`, [`only-${number % 2}`]: '' })
  await write(version(0))
  const seen = new Set<string>()
  const state = { done: false }
  const read = async (): Promise<void> => {
    while (!state.done) {
      const now = await readlink(join(path, '..data'))
      try {
        const [a, b] = [await readFile(join(path, now, 'a'), 'utf8'), await readFile(join(path, now, 'b'), 'utf8')]
        t.is(a, b)
        seen.add(a)
      } catch (error) {
        // The version went while it was read: as a whole.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
  }
  const readers = [read(), read()]
  for (let number = 1; number <= 200; number++) await write(version(number))
  state.done = true
  await Promise.all(readers)
  t.true(seen.size > 1, 'the readers saw versions come')
})

test('files belong to whom they are given', async t => {
  if (process.getuid?.() !== 0) {
    const why = 'only root can give files away'
    t.log(why)
    t.is(process.env['CI'], undefined, why)
    return
  }
  const { path, write } = await makeVolume(t)
  await write(new Map([['key', { content: Buffer.from('x'), mode: 0o440, uid: 1234, gid: 5678 }]]))
  t.like(await stat(join(path, 'key')), { uid: 1234, gid: 5678 })
  t.true(
    (await write(new Map([['key', { content: Buffer.from('x'), mode: 0o440, gid: 5678 }]]))) === false,
    'the owner may be anybody',
  )
})

test('an empty directory is open to whoever the pod runs as, and keeps what is in it', async t => {
  const { path } = await makeVolume(t)
  await makeEmptyDirectory(path, undefined)
  t.is(await modeOf(path), 0o777)
  await writeFile(join(path, 'data'), 'kept')
  await makeEmptyDirectory(path, undefined)
  t.is(await readFile(join(path, 'data'), 'utf8'), 'kept')
})
