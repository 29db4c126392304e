import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import test from 'ava'
import { readHead } from '../../../../cli/flash/disk/head-file.ts'
import { CodedError } from '../../../../kit/errors.ts'
import { temporaryFolder } from './loop-device.ts'
import { mib, sampleDisk, sourceOf } from './sample-image.ts'

const disk = sampleDisk(5 * mib)

test('the head is what the image begins with, and nothing more is read', async t => {
  let served = 0
  const source = sourceOf(disk)
  const counting = {
    ...source,
    async *read() {
      for await (const chunk of source.read()) {
        served += chunk.length
        yield chunk
      }
    },
  }
  const head = await readHead(counting, 2 * mib)
  t.teardown(() => head.close())
  t.is(head.size, 2 * mib)
  t.true(served < 4 * mib)
  t.true(disk.subarray(0, 2 * mib).equals(await head.read(0, 9 * mib)))
  t.true(disk.subarray(700_001, 700_011).equals(await head.read(700_001, 10)))
  t.is((await head.read(2 * mib, 10)).length, 0)
})

test('its length may follow from the first MiB, and an image may be shorter than that', async t => {
  const seen: number[] = []
  const head = await readHead(sourceOf(disk), async first => {
    seen.push(first.length)
    return disk.subarray(0, mib).equals(first) ? 3 * mib : 0
  })
  t.teardown(() => head.close())
  t.is(head.size, 3 * mib)
  const short = await readHead(sourceOf(disk.subarray(0, 1000)), first => seen.push(first.length) * mib)
  t.teardown(() => short.close())
  t.is(short.size, 1000)
  t.deepEqual(seen, [mib, 1000])
})

test.serial(
  'other programs can read it, nobody else can, it takes no room for zeros, and leaves nothing behind',
  async t => {
    const folder = await temporaryFolder(t)
    process.env['TMPDIR'] = folder
    t.teardown(() => delete process.env['TMPDIR'])
    const head = await readHead(sourceOf(Buffer.concat([disk, Buffer.alloc(64 * mib)])), 60 * mib)
    t.deepEqual(await readdir(folder), [])
    const { mode, size, blocks } = await stat(head.path)
    t.is(mode & 0o777, 0o600)
    t.is(size, 60 * mib)
    t.true(blocks * 512 < 8 * mib)
    const { stdout } = await promisify(execFile)('sha256sum', [head.path])
    const { createHash } = await import('node:crypto')
    const expected = createHash('sha256')
      .update(disk)
      .update(Buffer.alloc(55 * mib))
      .digest('hex')
    t.true(stdout.startsWith(expected))
    await head.close()
    await t.throwsAsync(stat(head.path))
  },
)

test('what cannot be a head is refused, and what the caller finds wrong is told as it is', async t => {
  const error = await t.throwsAsync(
    readHead(sourceOf(disk), () => 2 ** 50),
    { instanceOf: CodedError },
  )
  t.regex(error.message, /its partition table is damaged/)
  const own = new Error('no FAT')
  await t.throwsAsync(
    readHead(sourceOf(disk), () => Promise.reject(own)),
    { is: own },
  )
})
