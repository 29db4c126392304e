import { open, readFile } from 'node:fs/promises'
import test from 'ava'
import { bootPartitionOf, readPartitions, tableBytes } from '../../../cli/flash/partition-table.ts'
import { canUse } from './disk/loop-device.ts'
import { bootOffset, makeStockImage, stockFiles } from './stock-image.ts'

for (const table of ['dos', 'gpt'] as const)
  test(`the boot partition of an image is found in the first MiB of its table: ${table}`, async t => {
    if (!canUse(t, ['sfdisk', 'mkfs.vfat', 'mcopy'])) return
    const image = await makeStockImage(t, { files: stockFiles.debianCloud, table })
    const found = await readPartitions((await readFile(image)).subarray(0, tableBytes))
    t.is(found.label, table)
    t.is(found.partitions.length, 2)
    const { start, size } = bootPartitionOf(found)
    t.deepEqual([start, size], [bootOffset, 34 * 1024 * 1024])
  })

test('what has no table is no image of a disk', async t => {
  if (!canUse(t, ['sfdisk'])) return
  await t.throwsAsync(readPartitions(Buffer.alloc(tableBytes)), { code: 'Invalid', message: /image of a whole disk\?/ })
})

test('a table without a FAT is of no board', t => {
  const partitions = [{ start: 0, size: 1, type: '83' }]
  t.throws(() => bootPartitionOf({ label: 'dos', partitions }), {
    code: 'Invalid',
    message: /none of the image is a FAT/,
  })
})

test('of several FATs the first on the disk is the one that starts the board', t => {
  const partitions = [
    { start: 900, size: 1, type: 'c' },
    { start: 100, size: 2, type: 'ef' },
    { start: 50, size: 3, type: '83' },
  ]
  t.is(bootPartitionOf({ label: 'dos', partitions }).start, 100)
})

test('a GPT that says it is larger than any disk is not believed', async t => {
  if (!canUse(t, ['sfdisk', 'mkfs.vfat', 'mcopy'])) return
  const image = await makeStockImage(t, { files: {}, table: 'gpt' })
  const file = await open(image, 'r+')
  await file.write(Buffer.alloc(8, 0x7f), 0, 8, 512 + 32)
  await file.close()
  const first = (await readFile(image)).subarray(0, tableBytes)
  await t.notThrowsAsync(readPartitions(first).catch(error => t.is(error.code, 'Invalid')))
})
