import { createHash } from 'node:crypto'
import { copyFile, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { type Fat, openFat } from '../../../cli/flash/fat.ts'
import { programAssets } from '../../../kit/assets.ts'
import { CodedError } from '../../../kit/errors.ts'
import { canUse } from './disk/loop-device.ts'
import { bootOffset, checkBoot, makeStockImage, readBoot, stockFiles, temporaryFolder, tool } from './stock-image.ts'

const tools = ['mkfs.vfat', 'fsck.vfat', 'mcopy', 'sfdisk']
const assets = programAssets()
const place = (path: string, size = 34 * 1024 * 1024) => ({ path, offset: bootOffset, size, assets })

/** The image with what was written in it, as flash writes it. */
async function applied(t: ExecutionContext, image: string, fat: Fat): Promise<string> {
  const copy = join(await temporaryFolder(t), 'copy.img')
  await copyFile(image, copy)
  const file = await open(copy, 'r+')
  for (const { offset, bytes } of fat.patches()) await file.write(bytes, 0, bytes.length, offset)
  await file.close()
  return copy
}

const hashOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

test('files are written where mtools finds them, and the image itself is not touched', async t => {
  if (!canUse(t, tools)) return
  const image = await makeStockImage(t, { files: stockFiles.bookworm })
  const before = await hashOf(image)
  const fat = await openFat(place(image))
  t.teardown(() => fat.close())
  const large = Buffer.alloc(3_000_001, 'large')
  fat.write('flotilla/flotilla.deb', large)
  fat.write('flotilla/deep/er/Long Name With Spaces.yaml', Buffer.from('ä: 1\n'))
  fat.write('cmdline.txt', Buffer.from('short\n'))
  fat.write('empty', Buffer.alloc(0))
  fat.remove('issue.txt')
  fat.remove('never/there')
  t.is(fat.text('CMDLINE.TXT'), 'short\n', 'a FAT does not care about case')
  t.is(await hashOf(image), before)
  const copy = await applied(t, image, fat)
  await checkBoot(copy)
  t.is(await readBoot(copy, 'cmdline.txt'), 'short\n')
  t.is(await readBoot(copy, 'flotilla/deep/er/Long Name With Spaces.yaml'), 'ä: 1\n')
  t.is(await readBoot(copy, 'empty'), '')
  t.is(await readBoot(copy, 'issue.txt'), undefined)
  t.is(await readBoot(copy, 'config.txt'), stockFiles.bookworm['config.txt'])
  t.is(await readBoot(copy, 'flotilla/flotilla.deb'), large.toString())
})

test('a folder tells names and sizes, and what is not there is undefined', async t => {
  if (!canUse(t, tools)) return
  const image = await makeStockImage(t, { files: stockFiles.own })
  const fat = await openFat(place(image))
  t.teardown(() => fat.close())
  t.deepEqual(fat.list('flotilla'), [{ name: 'image.json', isFolder: false, bytes: 42 }])
  t.true(fat.list()?.some(({ name, isFolder }) => name === 'EFI' && isFolder))
  t.is(fat.list('nowhere'), undefined)
  t.is(fat.read('nowhere/at/all'), undefined)
  t.is(fat.read('EFI'), undefined, 'a folder is no file')
  t.throws(() => fat.read('flotilla/image.json', 10), { code: 'RequestEntityTooLarge' })
})

test('what does not fit is refused by name', async t => {
  if (!canUse(t, tools)) return
  const image = await makeStockImage(t, { files: {} })
  const fat = await openFat(place(image))
  t.teardown(() => fat.close())
  t.throws(() => fat.write('b:c', Buffer.alloc(1)), { message: /a FAT has no such names/ })
  const free = fat.freeBytes()
  t.true(free > 30_000_000 && free < 34 * 1024 * 1024, String(free))
  t.throws(() => fat.write('big', Buffer.alloc(free + 1)), {
    code: 'RequestEntityTooLarge',
    message: /cannot write big: because the boot partition has no room/,
  })
})

test('where there is no FAT, that is said', async t => {
  const path = join(await temporaryFolder(t), 'zeros')
  const file = await open(path, 'w')
  await file.truncate(16 * 1024 * 1024)
  await file.close()
  await t.throwsAsync(openFat(place(path, 8 * 1024 * 1024)), {
    code: 'Invalid',
    message: /there is no FAT file system/,
  })
})

test('a FAT16, as small boot partitions have it, is written as well', async t => {
  if (!canUse(t, tools)) return
  const path = join(await temporaryFolder(t), 'fat16')
  const file = await open(path, 'w')
  await file.truncate(20 * 1024 * 1024)
  await file.close()
  await tool('mkfs.vfat', '-F', '16', path)
  const fat = await openFat({ path, offset: 0, size: 20 * 1024 * 1024, assets })
  t.teardown(() => fat.close())
  fat.write('flotilla/card.yaml', Buffer.from('board: x\n'))
  const copy = await applied(t, path, fat)
  t.is(await readBoot(copy, 'flotilla/card.yaml', 0), 'board: x\n')
  await t.notThrowsAsync(tool('fsck.vfat', '-n', copy))
})

for (const [title, make] of [
  ['of a FAT32 that has one', ['-F', '32', '-s', '1', '-n', 'UEFI']],
  ['of a FAT32 that has none', ['-F', '32', '-s', '1']],
  ['of a FAT16', ['-F', '16']],
] as const)
  test(`the label ${title} is changed, for mtools, blkid and fsck`, async t => {
    if (!canUse(t, [...tools, 'blkid'])) return
    const path = join(await temporaryFolder(t), 'fat')
    const file = await open(path, 'w')
    await file.truncate(34 * 1024 * 1024)
    await file.close()
    await tool('mkfs.vfat', ...make, path)
    const fat = await openFat({ path, offset: 0, size: 34 * 1024 * 1024, assets })
    t.teardown(() => fat.close())
    fat.write('before', Buffer.from('1'))
    fat.setLabel('CIDATA')
    fat.write('after', Buffer.from('2'))
    const copy = await applied(t, path, fat)
    t.regex(await tool('mlabel', '-s', '-i', copy, '::'), /is CIDATA/)
    t.is((await tool('blkid', '-p', '-o', 'value', '-s', 'LABEL', copy)).trim(), 'CIDATA')
    t.is((await readBoot(copy, 'before', 0)) + ((await readBoot(copy, 'after', 0)) ?? ''), '12')
    await t.notThrowsAsync(tool('fsck.vfat', '-n', copy))
  })

test('whatever is written and removed, it is there as a model says and the file system is sound', async t => {
  if (!canUse(t, tools)) return
  const image = await makeStockImage(t, { files: stockFiles.trixie })
  const name = fc.constantFrom('a', 'b.txt', 'flotilla/c', 'flotilla/A long name.yaml', 'config.txt')
  const step = fc.record({ path: name, bytes: fc.option(fc.integer({ min: 0, max: 70_000 })) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
      const fat = await openFat(place(image))
      try {
        const model = new Map<string, number>([['config.txt', stockFiles.trixie['config.txt'].length]])
        for (const { path, bytes } of steps) {
          if (bytes === null) fat.remove(path)
          else fat.write(path, Buffer.alloc(bytes, path))
          if (bytes === null) model.delete(path)
          else model.set(path, bytes)
        }
        for (const path of ['a', 'b.txt', 'flotilla/c', 'flotilla/A long name.yaml', 'config.txt'])
          t.is(fat.read(path)?.length, model.get(path), path)
        await checkBoot(await applied(t, image, fat))
      } finally {
        fat.close()
      }
    }),
    { numRuns: 8 },
  )
})

test('a boot partition with any bytes damaged is read or refused, and ends neither process nor patience', async t => {
  if (!canUse(t, tools)) return
  const image = await makeStockImage(t, { files: stockFiles.own })
  const path = join(await temporaryFolder(t), 'damaged.img')
  const damage = fc.array(fc.tuple(fc.integer({ min: 0, max: 400_000 }), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 60,
  })
  const original = await readFile(image)
  await fc.assert(
    fc.asyncProperty(damage, async bytes => {
      const copy = Buffer.from(original.subarray(0, bootOffset + 2 ** 20))
      for (const [offset, value] of bytes) copy[bootOffset + offset] = value
      const file = await open(path, 'w')
      await file.write(copy)
      await file.truncate(original.length)
      await file.close()
      try {
        const fat = await openFat(place(path))
        try {
          for (const entry of fat.list() ?? []) if (!entry.isFolder) fat.read(entry.name)
          fat.write('flotilla/card.yaml', Buffer.alloc(5000))
          fat.freeBytes()
        } finally {
          fat.close()
        }
      } catch (error) {
        t.true(error instanceof CodedError, String(error))
      }
    }),
    { numRuns: 60 },
  )
  t.pass()
})
