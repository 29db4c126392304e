import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { partitions } from '../../../contract/card/card-places.ts'
import { checkManifest, renderManifest } from '../../../images/apt.ts'
import { renderCpio } from '../../../images/os/cpio.ts'
import { bootSectors, bootStart, imageSectors, rootSectors, rootStart } from '../../../images/os/layout.ts'
import { selectModules } from '../../../images/os/modules.ts'

const execute = promisify(execFile)

test('an initrd unpacks to what was put in, folders included, and is the same whatever the order', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-cpio-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const entries = [
    { path: 'init', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
    { path: 'lib/modules/1/a.ko', mode: 0o644, content: Buffer.from('odd') },
    { path: 'bin/sh', symlink: 'busybox' },
    { path: 'dev', directory: true as const },
  ]
  const cpio = renderCpio(entries)
  t.deepEqual(renderCpio(entries.toReversed()), cpio)
  await writeFile(`${folder}/initrd`, cpio)
  await mkdir(`${folder}/root`)
  // As the kernel unpacks it, by a program that is not ours.
  await execute('sh', ['-c', 'cd "$1/root" && busybox cpio -idm <../initrd', 'sh', folder])
  t.deepEqual((await readdir(`${folder}/root`)).sort(), ['bin', 'dev', 'init', 'lib'])
  t.is(await readFile(`${folder}/root/lib/modules/1/a.ko`, 'utf8'), 'odd')
  const { stdout } = await execute('stat', ['-c', '%A %N', `${folder}/root/init`, `${folder}/root/bin/sh`])
  t.regex(stdout, /^-rwxr-xr-x .*init'\nlrwxrwxrwx .*sh' -> 'busybox'\n$/)
})

test('what a module needs comes with it', t => {
  const needs = new Map([
    ['kernel/fs/ext4/ext4.ko', ['kernel/fs/jbd2/jbd2.ko', 'kernel/lib/crc16.ko']],
    ['kernel/fs/jbd2/jbd2.ko', []],
    ['kernel/lib/crc16.ko', []],
    ['kernel/sound/noise.ko', ['kernel/sound/core.ko']],
    ['kernel/sound/core.ko', []],
  ])
  const chosen = selectModules(needs, path => path.startsWith('kernel/fs/ext4'))
  t.deepEqual(chosen, ['kernel/fs/ext4/ext4.ko', 'kernel/fs/jbd2/jbd2.ko', 'kernel/lib/crc16.ko'])
})

test('an image of other packages than the manifest names is refused with the difference, but for Flotilla itself', t => {
  const deb = (name: string, version: string) => ({ name, version, architecture: 'arm64', path: '' })
  const pinned = renderManifest([deb('flotilla', '0.1.0'), deb('runc', '1.1'), deb('bash', '5')])
  t.deepEqual(pinned, ['bash 5 arm64', 'flotilla 0.1.0 arm64', 'runc 1.1 arm64'])
  t.notThrows(() =>
    checkManifest(renderManifest([deb('flotilla', '0.2.0'), deb('runc', '1.1'), deb('bash', '5')]), pinned),
  )
  t.throws(() => checkManifest(renderManifest([deb('runc', '1.2'), deb('bash', '5')]), pinned), {
    message: /1 gone, 1 new\): name a mirror of that day in FLOTILLA_MIRROR.*\n- runc 1.1 arm64\n\+ runc 1.2 arm64$/s,
  })
})

test('partitions follow one another, begin where cards erase, and two systems with data fit on a card of 4 GB', t => {
  t.deepEqual([partitions.boot.number, partitions.rootA.number], [1, 2])
  t.is(rootStart, bootStart + bootSectors)
  t.is(imageSectors, rootStart + rootSectors)
  for (const start of [bootStart, rootStart, imageSectors]) t.is(start % 8192, 0)
  t.true((imageSectors + rootSectors + 524288) * 512 <= 4e9)
})
