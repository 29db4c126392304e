import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { makeDirectory } from '../../kit/directory.ts'

test('a directory is made with those above it, and made again without harm', async t => {
  const root = await mkdtemp(join(tmpdir(), 'flotilla-directory-'))
  t.teardown(() => rm(root, { recursive: true }))
  const path = join(root, 'a/b/c')
  await Promise.all([makeDirectory(path, 0o700), makeDirectory(path, 0o700)])
  await writeFile(join(path, 'kept'), '')
  await makeDirectory(path)
  t.deepEqual(await readdir(path), ['kept'])
  t.is((await stat(join(root, 'a'))).mode & 0o777, 0o700)
})

test('where a file is in the way, or the file system takes no directories, it says so and ends', async t => {
  const root = await mkdtemp(join(tmpdir(), 'flotilla-directory-'))
  t.teardown(() => rm(root, { recursive: true }))
  await writeFile(join(root, 'file'), '')
  const impossible = [join(root, 'file'), join(root, 'file/below'), '/proc/nope', '/proc/nope/below']
  for (const path of impossible) {
    const error = await t.throwsAsync(makeDirectory(path), { code: 'ServiceUnavailable' })
    t.true(error?.message.startsWith(`cannot make the directory ${path}: because E`), error?.message)
  }
})
