import { createWriteStream } from 'node:fs'
import { access, chown, link, lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { openImage } from '../../../../cli/flash/disk/image-source.ts'
import { openTarget, targetKindOf } from '../../../../cli/flash/disk/open-target.ts'
import { verifyImage } from '../../../../cli/flash/disk/verify-image.ts'
import { writeImage } from '../../../../cli/flash/disk/write-image.ts'
import { CodedError, type ErrorCode } from '../../../../kit/errors.ts'
import { canUse, run, temporaryFolder } from './loop-device.ts'
import { mib, pack, sampleDisk, sourceOf } from './sample-image.ts'

const disk = Buffer.concat([sampleDisk(5 * mib + 100), Buffer.alloc(20 * mib)])

async function refused(t: ExecutionContext, work: Promise<unknown>, code: ErrorCode): Promise<string> {
  const error = await t.throwsAsync(work, { instanceOf: CodedError })
  t.is(error.code, code, error.message)
  return error.message
}

async function write(path: string): Promise<void> {
  const target = await openTarget(path)
  try {
    const written = await writeImage({ source: sourceOf(disk), patches: [], target })
    await verifyImage({ target, written })
    await target.finish()
  } finally {
    await target.abandon()
  }
}

test('a file is there when it is whole, for its owner alone, and takes no room for zeros', async t => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'card.img')
  const target = await openTarget(path)
  t.teardown(() => target.abandon())
  const written = await writeImage({ source: sourceOf(disk), patches: [], target })
  await verifyImage({ target, written })
  t.deepEqual(await readdir(folder), ['card.img.partial'])
  await target.finish()
  await target.abandon()
  t.deepEqual(await readdir(folder), ['card.img'])
  t.true(disk.equals(await readFile(path)))
  const { mode, size, blocks } = await stat(path)
  t.is(mode & 0o777, 0o600)
  t.is(size, disk.length)
  t.true(blocks * 512 < 6 * mib)
})

test('what comes to nothing leaves nothing, and the older file stays', async t => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'card.img')
  await writeFile(path, 'older')
  const target = await openTarget(path)
  await writeImage({ source: sourceOf(disk), patches: [], target })
  await target.abandon()
  await target.abandon()
  t.is(await readFile(path, 'utf8'), 'older')
  t.deepEqual(await readdir(folder), ['card.img'])
  await write(path)
  t.true(disk.equals(await readFile(path)))
})

test('two flashes of one file are one too many; what a killed one has left is none', async t => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'card.img')
  await writeFile(`${path}.partial`, Buffer.alloc(30 * mib, 1), { mode: 0o644 })
  const target = await openTarget(path)
  t.is((await stat(`${path}.partial`)).mode & 0o777, 0o600)
  t.regex(await refused(t, openTarget(path), 'Conflict'), /another program has locked it/)
  await target.abandon()
  await write(path)
  t.true(disk.equals(await readFile(path)))
})

test('a link is followed to the file that it means, but not one that lies in wait', async t => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'there'))
  await writeFile(join(folder, 'there/real.img'), 'older')
  await symlink('there/real.img', join(folder, 'link.img'))
  await write(join(folder, 'link.img'))
  t.true((await lstat(join(folder, 'link.img'))).isSymbolicLink())
  t.true(disk.equals(await readFile(join(folder, 'there/real.img'))))
  await writeFile(join(folder, 'precious'), 'precious')
  await symlink('precious', join(folder, 'new.img.partial'))
  await refused(t, openTarget(join(folder, 'new.img')), 'InternalError')
  t.is(await readFile(join(folder, 'precious'), 'utf8'), 'precious')
})

test('what others have put where the unfinished file goes is not written to', async t => {
  if (!canUse(t, [], true)) return
  const folder = await temporaryFolder(t)
  const partial = join(folder, 'card.img.partial')
  await writeFile(join(folder, 'precious'), 'precious')
  await link(join(folder, 'precious'), partial)
  t.regex(await refused(t, openTarget(join(folder, 'card.img')), 'Conflict'), /somebody else's: delete it/)
  await rm(partial)
  await writeFile(partial, 'trap')
  await chown(partial, 65534, 65534)
  await refused(t, openTarget(join(folder, 'card.img')), 'Conflict')
  t.is((await readFile(join(folder, 'precious'), 'utf8')) + (await readFile(partial, 'utf8')), 'precioustrap')
})

test('what is neither a drive nor a file is refused by name', async t => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'file'), '')
  t.is(await targetKindOf(join(folder, 'file')), 'file')
  t.is(await targetKindOf(join(folder, 'new')), 'new-file')
  t.regex(await refused(t, openTarget(folder), 'Invalid'), /it is a folder/)
  t.regex(await refused(t, openTarget('/dev/null'), 'Invalid'), /neither a drive nor a file/)
  t.regex(await refused(t, openTarget('/dev/sdnowhere'), 'Invalid'), /there is no such drive/)
  t.regex(await refused(t, openTarget(join(folder, 'no/such.img')), 'Invalid'), /there is no folder .*no/)
  t.regex(await refused(t, openTarget(join(folder, 'file/x.img')), 'Invalid'), /a part of its path is a file/)
})

test('an image is not written over itself', async t => {
  const path = await pack(await temporaryFolder(t), disk, 'raw')
  const target = await openTarget(path)
  const work = writeImage({ source: await openImage(path), patches: [], target })
  t.regex(await refused(t, work, 'Invalid'), /it is the image itself/)
  await target.abandon()
  t.true(disk.equals(await readFile(path)))
})

test('what unpacks to more than any card holds is a bomb', async t => {
  const target = await openTarget(join(await temporaryFolder(t), 'card.img'))
  t.teardown(() => target.abandon())
  const source = { ...sourceOf(disk), size: 2 ** 40 }
  t.regex(
    await refused(t, writeImage({ source, patches: [], target }), 'Invalid'),
    /1\.1 TB do not fit .*no image of a card/,
  )
})

test('a full disk is told, and nothing half is left on it', async t => {
  if (!canUse(t, ['mount', 'umount'], true)) return
  const folder = await temporaryFolder(t)
  await run('mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder)
  t.teardown(() => run('umount', '--lazy', folder).catch(() => undefined))
  const path = join(folder, 'card.img')
  const target = await openTarget(path)
  t.teardown(() => target.abandon())
  const said = await refused(t, writeImage({ source: sourceOf(disk), patches: [], target }), 'ServiceUnavailable')
  t.regex(said, /there is no more room \(ENOSPC\)\. .*card\.img was not made/)
  await target.abandon()
  await t.throwsAsync(access(path))
  t.deepEqual(await readdir(folder), [])
})

test('memory stays flat, however long the image is', async t => {
  const folder = await temporaryFolder(t)
  const packed = join(folder, 'long.zst')
  const sizeMib = 384
  // One MiB of noise in eight: what is all zeros would not be written at all.
  const [noise, zeros] = [sampleDisk(mib), Buffer.alloc(mib)]
  const pieces = Array.from({ length: sizeMib }, (_, at) => (at % 8 === 0 ? noise : zeros))
  await pipeline(Readable.from(pieces, { objectMode: false }), createZstdCompress(), createWriteStream(packed))
  const target = await openTarget(join(folder, 'long.img'))
  t.teardown(() => target.abandon())
  const source = await openImage(packed)
  const before = process.memoryUsage.rss()
  let most = 0
  const progress = (): void => {
    most = Math.max(most, process.memoryUsage.rss() - before)
  }
  const clock = { now: () => 0, monotonic: () => performance.now() * 1e6, after: () => () => undefined }
  const written = await writeImage({ source, patches: [], target, progress, clock })
  await verifyImage({ target, written, progress, clock })
  t.is(written.bytes, sizeMib * mib)
  t.log(`${Math.round(most / mib)} MiB more than before`)
  t.true(most < 160 * mib, `${Math.round(most / mib)} MiB`)
})
