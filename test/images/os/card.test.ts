import { mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { run, temporaryFolder } from '../../cli/flash/disk/loop-device.ts'
import { canStartCards, checkData, copyOf, enoughMiB, layout, readTable, startCard, writeCard } from './card.ts'

const grown = ['1: 4 16 c', '2: 20 32 83', '3: 52 32 83', `4: 84 ${enoughMiB - 84} 83`]
const shipped = { './lib/shipped/one': 'of 1', './lib/system-version': '"1"' }

test('the first start makes the card whole: room for a second system, and the rest for data', async t => {
  if (!canStartCards(t)) return
  const image = await writeCard(join(await temporaryFolder(t), 'card'))
  const start = await startCard(image)
  t.is(start.problem, '')
  t.deepEqual([start.var, start.etc], ['ext4', 'overlay'])
  t.regex(start.machineId, /^[0-9a-f]{32}$/)
  t.deepEqual(start.files, shipped)
  t.deepEqual(await readTable(image), grown)
  t.regex(await checkData(image), /^data: \d+\/\d+ files/m)
})

test('what the system writes is there at the next start, in /var and in /etc', async t => {
  if (!canStartCards(t)) return
  const image = await writeCard(join(await temporaryFolder(t), 'card'))
  const first = await startCard(image, { write: 'a word' })
  const second = await startCard(image)
  t.deepEqual(second.files, { ...shipped, './lib/written': 'a word' })
  t.is(second.machineId, first.machineId)
  t.deepEqual(
    second.said.filter(line => !line.includes('boot partition')),
    [],
  )
})

test('a system of another version ships what is new, and leaves what is there', async t => {
  if (!canStartCards(t)) return
  const image = await writeCard(join(await temporaryFolder(t), 'card'))
  await startCard(image, { write: 'a word' })
  const { files } = await startCard(image, { system: '2' })
  t.deepEqual(files, {
    './lib/shipped/one': 'of 1',
    './lib/shipped/two': 'of 2',
    './lib/system-version': '"2"',
    './lib/written': 'a word',
  })
})

test('power may go before each step of the first start: the next one ends well', async t => {
  if (!canStartCards(t)) return
  const folder = await temporaryFolder(t)
  const image = await writeCard(join(folder, 'card'))
  const snapshots = join(folder, 'cuts')
  await mkdir(snapshots)
  await startCard(image, { snapshots })
  const cuts = (await readdir(snapshots)).sort()
  for (const step of ['sfdisk', 'partx', 'mkfs.ext4', 'mount', 'cp', 'sync', 'mv', 'mkdir'])
    t.true(
      cuts.some(cut => cut.endsWith(`-${step}`)),
      `no cut before ${step}`,
    )
  t.log(`${cuts.length} cuts`)
  for (const cut of cuts) {
    const { problem, files } = await startCard(join(snapshots, cut))
    t.is(problem, '', cut)
    t.deepEqual(files, shipped, cut)
    t.deepEqual(await readTable(join(snapshots, cut)), grown, cut)
    t.regex(await checkData(join(snapshots, cut)), /^data: /m, cut)
  }
})

test('a file system that was half made is made anew, one with data never: it is mended', async t => {
  if (!canStartCards(t)) return
  const image = await writeCard(join(await temporaryFolder(t), 'card'))
  await startCard(image, { write: 'a word' })
  // The first block of the data: superblock and all.
  await overwrite(image, 4096)
  const { problem, files, said } = await startCard(image)
  t.is(problem, '')
  t.is(files['./lib/written'], 'a word')
  t.true(said.includes("mending the file system of this board's data"))
})

test('data that nothing can mend is left as it is: the board starts without, and says so', async t => {
  if (!canStartCards(t)) return
  const image = await writeCard(join(await temporaryFolder(t), 'card'))
  await startCard(image, { write: 'a word' })
  await overwrite(image, (enoughMiB - layout.data) * 2 ** 20)
  const before = await copyOf(image, 'before')
  const start = await startCard(image)
  t.is(start.problem, "the file system of this board's data cannot be mounted")
  t.deepEqual([start.var, start.etc], ['tmpfs', 'overlay'])
  t.deepEqual(start.files, shipped)
  t.deepEqual(await readTable(image), await readTable(before))
  t.regex(start.said.join('\n'), /forgets everything/)
})

test('a card that is too small, or holds partitions of somebody else, is left alone', async t => {
  if (!canStartCards(t)) return
  const folder = await temporaryFolder(t)
  const small = await writeCard(join(folder, 'small'), 300)
  t.is((await startCard(small)).problem, 'the card has 300 MiB, and needs 340 MiB')
  t.is((await readTable(small)).length, 2)
  const foreign = await writeCard(join(folder, 'foreign'))
  await run('sh', '-c', `echo 'start=200000, size=2048, type=83' | sfdisk --quiet --append '${foreign}'`)
  const table = await readTable(foreign)
  t.is((await startCard(foreign)).problem, 'the card has partitions that Flotilla did not make')
  t.deepEqual(await readTable(foreign), table)
})

test('with a copy of the card beside it none is touched', async t => {
  if (!canStartCards(t)) return
  const image = await writeCard(join(await temporaryFolder(t), 'card'))
  const start = await startCard(image, { hasTwin: true })
  t.is(start.problem, 'two disks with the same image are plugged in: take out one')
  t.is(start.var, 'tmpfs')
  t.is((await readTable(image)).length, 2)
})

async function overwrite(image: string, bytes: number): Promise<void> {
  const file = await open(image, 'r+')
  try {
    const noise = Buffer.alloc(2 ** 20, 0x5a)
    for (let at = 0; at < bytes; at += noise.length)
      await file.write(noise, 0, Math.min(noise.length, bytes - at), layout.data * 2 ** 20 + at)
  } finally {
    await file.close()
  }
}
