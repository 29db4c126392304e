import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { forgetFile, putFile, putLink, systemDisk } from '../../../agent/board/disk.ts'
import { temporaryDirectory } from '../identity/cluster.ts'

test('a file is put whole, with its mode and its directories, and left alone when it is so already', async t => {
  const root = await temporaryDirectory(t)
  const disk = systemDisk(root)
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  t.true(await putFile(disk, '/etc/x/y/z.conf', { content: 'one\n', mode: 0o644 }))
  t.is((await stat(join(root, 'etc/x/y'))).mode & 0o777, 0o755, 'whatever the mask of the process is')
  t.is((await stat(join(root, 'etc/x/y/z.conf'))).mode & 0o777, 0o644)
  const { ino } = await stat(join(root, 'etc/x/y/z.conf'))
  t.false(await putFile(disk, '/etc/x/y/z.conf', { content: 'one\n', mode: 0o644 }))
  t.is((await stat(join(root, 'etc/x/y/z.conf'))).ino, ino)
  await writeFile(join(root, 'etc/x/y/z.conf.flotilla-part'), 'half of wh')
  t.true(await putFile(disk, '/etc/x/y/z.conf', { content: 'two\n', mode: 0o600 }))
  t.deepEqual(await readdir(join(root, 'etc/x/y')), ['z.conf'])
  t.is(await readFile(join(root, 'etc/x/y/z.conf'), 'utf8'), 'two\n')
})

test('a link takes the place of what was there', async t => {
  const root = await temporaryDirectory(t)
  const disk = systemDisk(root)
  await mkdir(join(root, 'etc'))
  await putLink(disk, '/etc/localtime', '/usr/share/zoneinfo/Etc/UTC')
  await putLink(disk, '/etc/localtime', '/etc/other')
  await writeFile(join(root, 'etc/other'), 'x')
  t.deepEqual(await readdir(join(root, 'etc')), ['localtime', 'other'])
})

test('what is forgotten is overwritten in its place before it is removed', async t => {
  const root = await temporaryDirectory(t)
  const path = join(root, 'join')
  await writeFile(path, 'secret line\n')
  const seen: string[] = []
  const disk = systemDisk(root)
  await forgetFile(
    {
      ...disk,
      async remove(name) {
        seen.push(await readFile(path, 'utf8'))
        await disk.remove(name)
      },
    },
    '/join',
  )
  t.deepEqual(seen, [' '.repeat('secret line\n'.length)])
  t.deepEqual(await readdir(root), [])
  await t.notThrowsAsync(forgetFile(disk, '/join'))
})

test('what is not there is read as nothing', async t => {
  const disk = systemDisk(await temporaryDirectory(t))
  t.is(await disk.read('/no/where'), undefined)
  t.deepEqual(await disk.list('/no/where'), [])
})

test('a file that would fill the memory is as good as none', async t => {
  const root = await temporaryDirectory(t)
  await writeFile(join(root, 'large'), '')
  await truncate(join(root, 'large'), 1024 ** 4)
  await writeFile(join(root, 'small'), 'x')
  const disk = systemDisk(root)
  t.is(await disk.read('/large'), undefined)
  t.is(await disk.read('/small'), 'x')
  t.is(await disk.read('/'), undefined, 'nor is a folder')
  t.regex((await systemDisk().read('/proc/mounts')) ?? '', / \/proc /)
})
