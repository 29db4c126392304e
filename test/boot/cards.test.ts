import { execFileSync } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bootPartition, isAnywhere, readPartitions } from './boot-files.ts'
import { findFaults } from './card-faults.ts'
import type { LogEntry } from './write-log.ts'
import { bytesByFile } from './written-files.ts'

const mebibyte = 2 ** 20
/** As mkfs chooses for a file system of a card's size. */
const blockBytes = 4096

/** Laid out as a grown card of ours, in small: a FAT, two systems, and data with one file in it. */
async function makeCard(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-card-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const card = join(directory, 'card.img')
  execFileSync('truncate', ['-s', '96M', card])
  const layout = ['start=2048, size=81920, type=c', 'size=4096, type=83', 'size=4096, type=83', 'size=65536, type=83']
  execFileSync('sfdisk', ['--quiet', card], { input: `label: dos\n${layout.join('\n')}\n` })
  execFileSync('mformat', ['-i', bootPartition(card).image, '-F', '-T', '81920', '-h', '64', '-s', '32', '::'])
  await mkdir(join(directory, 'data', 'lib'), { recursive: true })
  await writeFile(join(directory, 'data', 'lib', 'wish.json'), 'x'.repeat(20_000))
  const data = join(directory, 'data.ext4')
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-b', String(blockBytes), '-d', join(directory, 'data'), data, '32M'], {
    stdio: 'ignore',
  })
  const at = readPartitions(card)[3]!.start / mebibyte
  execFileSync('dd', [`if=${data}`, `of=${card}`, 'bs=1M', `seek=${at}`, 'conv=notrunc', 'status=none'])
  return card
}

test('a whole card has no fault, and one whose file systems are damaged has', async t => {
  const card = await makeCard(t)
  t.deepEqual(findFaults(card), [])
  const { start } = readPartitions(card)[3]!
  const file = openSync(card, 'r+')
  // The descriptors of the groups, behind the superblock.
  writeSync(file, Buffer.alloc(2048, 0xff), 0, 2048, start + 2048)
  writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, start + 4096)
  closeSync(file)
  t.regex(findFaults(card).join(), /^the data: e2fsck ends with/)
})

test('a card with fewer partitions is told so', async t => {
  const card = await makeCard(t)
  execFileSync('sfdisk', ['--quiet', '--delete', card, '4'])
  t.deepEqual(findFaults(card), ['it has 3 partitions'])
})

test('whose writes they were is told by partition and file', async t => {
  const card = await makeCard(t)
  const { start } = readPartitions(card)[3]!
  const blocksOf = (path: string): number[] => {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore']
    const output = execFileSync('debugfs', ['-R', `blocks ${path}`, `${card}?offset=${start}`], {
      encoding: 'utf8',
      stdio,
    })
    return output.trim().split(/\s+/).map(Number)
  }
  const write = (offset: number, length: number): LogEntry => ({ type: 'write', offset, length, dataAt: 0 })
  const [first = 0] = blocksOf('/lib/wish.json')
  const entries = [
    write(start + first * blockBytes, blockBytes),
    { type: 'flush' } as const,
    write(bootPartition(card).start, 512),
    write(0, 512),
  ]
  t.deepEqual(
    bytesByFile(card, entries)
      .map(({ file }) => file)
      .sort(),
    ['partition 1', 'partition 4: /lib/wish.json', 'partition table'],
  )
})

test('a secret is found wherever it is on the FAT, also where a deleted file was', async t => {
  const card = await makeCard(t)
  const { image } = bootPartition(card)
  execFileSync('mcopy', ['-i', image, '-', '::/join'], { input: 'flotilla://secret-of-the-card@host' })
  execFileSync('mdel', ['-i', image, '::/join'])
  t.true(isAnywhere(card, 'secret-of-the-card'))
  t.false(isAnywhere(card, 'another-secret'))
})
