/** All of flash's dealings with a drive, on the kernel's own: loop devices. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { findDrive, listDrives } from '../../../../cli/flash/disk/drives.ts'
import { deviceOf } from '../../../../cli/flash/disk/image-place.ts'
import { openImage } from '../../../../cli/flash/disk/image-source.ts'
import { openTarget } from '../../../../cli/flash/disk/open-target.ts'
import { refusalsOf } from '../../../../cli/flash/disk/refusals.ts'
import { unmountDrive } from '../../../../cli/flash/disk/unmount.ts'
import { verifyImage } from '../../../../cli/flash/disk/verify-image.ts'
import { chunkBytes, writeImage } from '../../../../cli/flash/disk/write-image.ts'
import { CodedError, type ErrorCode } from '../../../../kit/errors.ts'
import { canUseLoops, createLoop, type LoopDevice, run, temporaryFolder } from './loop-device.ts'
import { mib, pack, sampleDisk, sha256, sourceOf } from './sample-image.ts'

const disk = sampleDisk(10 * mib + 512 * 3)
const unknown = { sizeBytes: undefined, device: undefined }

async function refused(t: ExecutionContext, work: Promise<unknown>, code: ErrorCode): Promise<string> {
  const error = await t.throwsAsync(work, { instanceOf: CodedError })
  t.is(error.code, code, error.message)
  return error.message
}

async function readBacking({ backing }: LoopDevice, length: number, offset = 0): Promise<Buffer> {
  const file = await open(backing)
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset)
  await file.close()
  return buffer
}

/** Its time runs so fast that every chunk is told of. */
const eagerClock = { now: () => 0, monotonic: () => performance.now() * 1e6, after: () => () => undefined }

async function mountNew(t: ExecutionContext, loop: LoopDevice): Promise<string> {
  const folder = join(await temporaryFolder(t), 'mounted')
  await mkdir(folder)
  await run('mkfs.ext4', '-q', loop.path)
  await run('mount', loop.path, folder)
  t.teardown(() => run('umount', folder).catch(() => undefined))
  return folder
}

for (const options of [[], ['--sector-size', '4096']])
  test(`a packed image is on the drive byte for byte ${options.join(' ')}`, async t => {
    if (!canUseLoops(t, ['zstd', 'sha256sum', 'head'])) return
    const loop = await createLoop(t, 24 * mib, { options })
    const source = await openImage(await pack(await temporaryFolder(t), disk, 'zstd'))
    const target = await openTarget(loop.path)
    t.teardown(() => target.abandon())
    t.like(target, { kind: 'drive', capacity: 24 * mib, blockBytes: options.length === 0 ? 512 : 4096 })
    const written = await writeImage({ source, patches: [{ offset: 5, bytes: Buffer.from('hello') }], target })
    await verifyImage({ target, written })
    await target.finish()
    const sum = await run('sh', '-c', `head -c ${disk.length} ${loop.path} | sha256sum`)
    const expected = Buffer.from(disk)
    expected.write('hello', 5)
    t.true(sum.startsWith(sha256(expected)))
    t.is(written.sha256, sha256(expected))
  })

test('two flashes of one drive are one too many', async t => {
  if (!canUseLoops(t)) return
  const loop = await createLoop(t, 8 * mib)
  const target = await openTarget(loop.path)
  t.regex(await refused(t, openTarget(loop.path), 'Conflict'), /in use .*EBUSY/)
  await target.abandon()
  await (await openTarget(loop.path)).abandon()
})

test('a mounted drive is listed as that, refused by us and by the kernel, and free once unmounted', async t => {
  if (!canUseLoops(t, ['mkfs.ext4', 'mount', 'umount'])) return
  const loop = await createLoop(t, 16 * mib)
  const folder = await mountNew(t, loop)
  const drive = (await listDrives()).find(({ path }) => path === loop.path)
  t.deepEqual(drive?.parts[0]?.mounts, [folder])
  t.like(refusalsOf(drive!, unknown)[0], { reason: 'mounted', forceable: true })
  await writeFile(join(folder, 'image.img'), 'x')
  const device = await deviceOf(join(folder, 'image.img'))
  t.is(refusalsOf(drive!, { ...unknown, device })[0]?.reason, 'image-drive')
  await refused(t, openTarget(loop.path), 'Conflict')
  await unmountDrive(drive!)
  t.deepEqual(
    (await findDrive(loop.path)).parts.flatMap(({ mounts }) => mounts),
    [],
  )
  await (await openTarget(loop.path)).abandon()
})

test('a drive with a mounted partition is not written either', async t => {
  if (!canUseLoops(t, ['mkfs.ext4', 'mount', 'umount', 'sfdisk', 'partx'])) return
  const loop = await createLoop(t, 24 * mib)
  await run('sh', '-c', `echo '2048,' | sfdisk --quiet ${loop.path}; partx --add ${loop.path}`)
  t.teardown(() => run('partx', '--delete', loop.path).catch(() => undefined))
  const folder = await mountNew(t, { ...loop, path: `${loop.path}p1` })
  const drive = await findDrive(loop.path)
  t.deepEqual(
    drive.parts.map(({ path, mounts }) => [path, ...mounts]),
    [[`${loop.path}p1`, folder]],
  )
  await refused(t, openTarget(loop.path), 'Conflict')
  await unmountDrive(drive)
  await (await openTarget(loop.path)).abandon()
})

test('what somebody mounts while we ask is not pulled away from them; nor is another drive taken for this one', async t => {
  if (!canUseLoops(t, ['mkfs.ext4', 'mount', 'umount'])) return
  const loop = await createLoop(t, 16 * mib)
  const before = await findDrive(loop.path)
  const folder = await mountNew(t, loop)
  t.regex(await refused(t, unmountDrive(before), 'Conflict'), new RegExp(`just mounted it at ${folder}: start again`))
  const part = { path: `${loop.path}p1`, type: 'part', sizeBytes: mib, fileSystem: 'vfat', label: 'PHOTOS', mounts: [] }
  for (const other of [
    { ...before, sizeBytes: 1 },
    { ...before, parts: [part] },
  ])
    t.regex(await refused(t, unmountDrive(other), 'Conflict'), /another drive than a moment ago/)
})

test('a file that has become a link to a drive is not written', async t => {
  if (!canUseLoops(t, [])) return
  const [loop, folder] = [await createLoop(t, mib), await temporaryFolder(t)]
  await symlink(loop.path, join(folder, 'card.img'))
  const opening = openTarget(join(folder, 'card.img'), 'file')
  t.regex(await refused(t, opening, 'Conflict'), /was a file and is a drive by now/)
})

test('a drive that a program works on is not unmounted under it', async t => {
  if (!canUseLoops(t, ['mkfs.ext4', 'mount', 'umount'])) return
  const loop = await createLoop(t, 16 * mib)
  const folder = await mountNew(t, loop)
  const worker = spawn('sleep', ['60'], { cwd: folder })
  await once(worker, 'spawn')
  const ended = once(worker, 'exit')
  try {
    t.regex(await refused(t, unmountDrive(await findDrive(loop.path)), 'Conflict'), /cannot be unmounted .*fuser -vm/)
  } finally {
    worker.kill('SIGKILL')
    await ended
  }
})

test('a read-only drive is known as that, and says so when it is written all the same', async t => {
  if (!canUseLoops(t)) return
  const loop = await createLoop(t, 8 * mib, { options: ['--read-only'] })
  t.is(refusalsOf(await findDrive(loop.path), unknown)[0]?.reason, 'read-only')
  await refused(t, openTarget(loop.path), 'Forbidden')
})

test('a drive is found by any of its names; a partition, and what is no drive, are not taken for one', async t => {
  if (!canUseLoops(t, ['sfdisk', 'partx'])) return
  const loop = await createLoop(t, 16 * mib)
  const link = join(await temporaryFolder(t), 'card')
  await symlink(loop.path, link)
  t.like(await findDrive(link), { path: loop.path, attachment: 'loop', sizeBytes: 16 * mib })
  await run('sh', '-c', `echo '2048,' | sfdisk --quiet ${loop.path}; partx --add ${loop.path}`)
  t.teardown(() => run('partx', '--delete', loop.path).catch(() => undefined))
  t.regex(await refused(t, findDrive(`${loop.path}p1`), 'Invalid'), new RegExp(`part of ${loop.path}: name the whole`))
  t.regex(await refused(t, findDrive('/dev/nosuch'), 'NotFound'), /there is no such drive/)
  t.regex(await refused(t, findDrive('/dev/null'), 'NotFound'), /there is no such drive/)
})

test('of the tables that the drive had before, none is found after', async t => {
  if (!canUseLoops(t, ['sfdisk', 'wipefs'])) return
  const loop = await createLoop(t, 24 * mib)
  await run('sh', '-c', `echo 'label: gpt' | sfdisk --quiet ${loop.path}`)
  t.regex(await run('wipefs', loop.path), /gpt/)
  const target = await openTarget(loop.path)
  t.teardown(() => target.abandon())
  await writeImage({ source: sourceOf(Buffer.alloc(mib)), patches: [], target })
  await target.finish()
  t.is((await run('wipefs', loop.path)).trim(), '')
})

test('a drive whose end comes nearer while it is written', async t => {
  if (!canUseLoops(t)) return
  const loop = await createLoop(t, 24 * mib)
  const target = await openTarget(loop.path)
  t.teardown(() => target.abandon())
  const shrunk: Array<Promise<unknown>> = []
  const progress = ({ done }: { done: number }): void => {
    if (done === 0 || shrunk.length > 0) return
    shrunk.push(truncate(loop.backing, 6 * mib).then(() => run('losetup', '--set-capacity', loop.path)))
  }
  const source = sourceOf(disk)
  const slow = {
    ...source,
    async *read() {
      for await (const piece of source.read()) {
        // What comes after the first news of progress is written to a drive that is smaller by then.
        await Promise.all(shrunk)
        yield piece
      }
    },
  }
  const long = {
    ...slow,
    size: undefined,
    async *read() {
      yield* slow.read()
      yield* slow.read()
    },
  }
  const said = await refused(
    t,
    writeImage({ source: long, patches: [], target, progress, clock: eagerClock }),
    'ServiceUnavailable',
  )
  t.regex(said, /no more room \(ENOSPC\).*unfinished and does not start: flash it again|does not answer any more/)
  t.true((await readBacking(loop, 512)).every(byte => byte === 0))
})

test('a drive that breaks while it is written', async t => {
  if (!canUseLoops(t, ['mount', 'umount'])) return
  const folder = await temporaryFolder(t)
  await run('mount', '-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder)
  t.teardown(() => run('umount', '--lazy', folder).catch(() => undefined))
  const loop = await createLoop(t, 24 * mib, { folder })
  const target = await openTarget(loop.path)
  t.teardown(() => target.abandon())
  const said = await refused(t, writeImage({ source: sourceOf(disk), patches: [], target }), 'ServiceUnavailable')
  t.regex(
    said,
    /cannot write to \/dev\/loop\d+: because .*\((EIO|ENOSPC)\).*unfinished and does not start: flash it again/,
  )
})

test('what changed behind our back, or was forgotten, is found by reading back', async t => {
  if (!canUseLoops(t, ['fallocate'])) return
  const spoilers = {
    async flips({ backing }: LoopDevice) {
      const file = await open(backing, 'r+')
      await file.write(Buffer.from([disk[chunkBytes + 5]! ^ 1]), 0, 1, chunkBytes + 5)
      await file.close()
    },
    forgets: ({ backing }: LoopDevice) =>
      run('fallocate', '--punch-hole', '--offset', String(5 * mib), '--length', String(mib), backing),
    vanishes: ({ backing }: LoopDevice) => truncate(backing, 5 * mib),
  }
  for (const [what, spoil] of Object.entries(spoilers)) {
    const loop = await createLoop(t, 24 * mib)
    const target = await openTarget(loop.path)
    t.teardown(() => target.abandon())
    const written = await writeImage({ source: sourceOf(disk), patches: [], target })
    await spoil(loop)
    const said = await refused(
      t,
      verifyImage({ target, written }),
      what === 'vanishes' ? 'ServiceUnavailable' : 'Conflict',
    )
    const place = `first between byte ${chunkBytes} and byte ${2 * chunkBytes}`
    t.regex(said, what === 'vanishes' ? /does not answer any more \(EIO\): was it pulled out/ : new RegExp(place))
    t.true((await readBacking(loop, 512)).every(byte => byte === 0))
  }
})

test('an abort leaves a drive that has no partition table, and is free for the next try', async t => {
  if (!canUseLoops(t)) return
  const loop = await createLoop(t, 24 * mib)
  const target = await openTarget(loop.path)
  const abort = new AbortController()
  const progress = ({ done }: { done: number }): void => {
    if (done > 0) abort.abort(new Error('Ctrl-C'))
  }
  const work = writeImage({
    source: sourceOf(disk),
    patches: [],
    target,
    signal: abort.signal,
    progress,
    clock: eagerClock,
  })
  t.regex(await refused(t, work, 'Timeout'), /unfinished and does not start: flash it again/)
  await target.abandon()
  t.true((await readBacking(loop, 512)).every(byte => byte === 0))
  const again = await openTarget(loop.path)
  t.teardown(() => again.abandon())
  await verifyImage({
    target: again,
    written: await writeImage({ source: sourceOf(disk), patches: [], target: again }),
  })
})
