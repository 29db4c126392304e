import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openPrivateDirectory, readPrivateFile, writePrivateFile } from '../../kit/private-file.ts'

async function folder(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-private-'))
  t.teardown(() => rm(directory, { recursive: true }))
  return directory
}

test('what was written is read, by its owner alone', async t => {
  const path = join(await folder(t), 'key')
  t.is(await readPrivateFile(path), undefined)
  await writePrivateFile(path, 'one')
  await writePrivateFile(path, 'two')
  t.is(await readPrivateFile(path), 'two')
  t.is((await stat(path)).mode & 0o777, 0o600)
})

test('a file or directory that others may use is refused, with the way to mend it', async t => {
  const directory = await folder(t)
  const path = join(directory, 'key')
  await writePrivateFile(path, 'secret')
  await chmod(path, 0o640)
  const error = await t.throwsAsync(readPrivateFile(path), { code: 'Forbidden', message: /chmod 600/ } as object)
  t.false(error?.message.includes('secret'))
  await chmod(directory, 0o755)
  await t.throwsAsync(openPrivateDirectory(directory), { code: 'Forbidden', message: /chmod 700/ } as object)
})

test('what a power cut left half-written is removed, whatever its mode, and what it was to replace is kept', async t => {
  const directory = join(await folder(t), 'a', 'b')
  await openPrivateDirectory(directory)
  t.is((await stat(directory)).mode & 0o777, 0o700)
  const path = join(directory, 'key')
  await writePrivateFile(path, 'old')
  await writeFile(`${path}.part`, 'ne', { mode: 0o644 })
  await openPrivateDirectory(directory)
  t.deepEqual(await readdir(directory), ['key'])
  await writeFile(`${path}.part`, 'ne', { mode: 0o644 })
  await writePrivateFile(path, 'new')
  t.is((await stat(path)).mode & 0o777, 0o600)
  t.is(await readPrivateFile(path), 'new')
})

test('a file that cannot be written says so, and leaves nothing', async t => {
  const directory = await folder(t)
  await t.throwsAsync(writePrivateFile(join(directory, 'none', 'key'), 'x'), { code: 'ServiceUnavailable' } as object)
  t.deepEqual(await readdir(directory), [])
})
