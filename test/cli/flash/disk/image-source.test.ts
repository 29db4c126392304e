import { copyFile, mkdir, open, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { openImage } from '../../../../cli/flash/disk/image-source.ts'
import { readXz } from '../../../../cli/flash/disk/read-xz.ts'
import { CodedError } from '../../../../kit/errors.ts'
import { canUse, run, temporaryFolder } from './loop-device.ts'
import { mib, pack, readAllOf, sampleDisk } from './sample-image.ts'

const disk = sampleDisk(3 * mib + 512)
const tools = ['xz', 'gzip', 'zstd', 'zip']
const formats = ['raw', 'xz', 'gzip', 'zstd', 'zip'] as const

async function packed(t: ExecutionContext, format: (typeof formats)[number], content: Uint8Array = disk) {
  const folder = await temporaryFolder(t)
  return { folder, path: await pack(folder, content, format) }
}

async function problemWith(t: ExecutionContext, path: string): Promise<string> {
  const error = await t.throwsAsync(
    async () => {
      for await (const _ of (await openImage(path)).read());
    },
    { instanceOf: CodedError },
  )
  t.true(error.message.startsWith(`cannot read the image ${path}: because `), error.message)
  return error.message.slice(`cannot read the image ${path}: because `.length)
}

for (const format of formats)
  test(`an image packed as ${format} is known by its content, and comes out as it went in, twice`, async t => {
    if (!canUse(t, tools)) return
    const { folder, path } = await packed(t, format)
    const misnamed = join(folder, '-q.pdf')
    await copyFile(path, misnamed)
    const source = await openImage(misnamed)
    t.is(source.format, format)
    t.is(source.name, format === 'zip' ? 'disk.img' : '-q.pdf')
    t.is(source.size, format === 'gzip' ? undefined : disk.length)
    t.true(disk.equals(await readAllOf(source)))
    t.true(disk.equals(await readAllOf(source)))
  })

for (const format of ['xz', 'gzip', 'zstd', 'zip'] as const) {
  test(`a ${format} that ends early is refused wherever it ends`, async t => {
    if (!canUse(t, tools)) return
    const { path } = await packed(t, format)
    const whole = await readFile(path)
    for (const missing of [1, 9, 4096, Math.floor(whole.length / 2), whole.length - 40]) {
      await writeFile(path, whole.subarray(0, whole.length - missing))
      t.regex(await problemWith(t, path), /damaged .*get it again/, `without its last ${missing} bytes`)
    }
  })

  test(`a ${format} with a byte changed is refused`, async t => {
    if (!canUse(t, tools)) return
    const { path } = await packed(t, format)
    const whole = await readFile(path)
    whole[Math.floor(whole.length / 2)]! ^= 0x10
    await writeFile(path, whole)
    t.regex(await problemWith(t, path), /damaged/)
  })
}

test('members, streams and frames behind one another are one image, as pzstd and cat make them', async t => {
  if (!canUse(t, tools)) return
  const parts = [disk.subarray(0, mib), disk.subarray(mib)]
  const folder = await temporaryFolder(t)
  for (const format of ['xz', 'gzip', 'zstd'] as const) {
    const packs = []
    for (const part of parts) packs.push(await readFile(await pack(folder, part, format)))
    // Between streams, xz allows zeros in fours; zstd allows frames that are to be passed over.
    const between = { xz: Buffer.alloc(8), gzip: Buffer.alloc(0), zstd: Buffer.from('552a4d18030000000a0b0c', 'hex') }
    const path = join(folder, 'joined')
    await writeFile(path, Buffer.concat([packs[0]!, between[format], packs[1]!]))
    const source = await openImage(path)
    t.is(source.size, format === 'gzip' ? undefined : disk.length, format)
    t.true(disk.equals(await readAllOf(source)), format)
  }
})

test('a zstd that was made of a pipe does not know its size, and is read all the same', async t => {
  if (!canUse(t, tools)) return
  const { folder, path } = await packed(t, 'raw')
  const piped = join(folder, 'piped')
  await run('sh', '-c', `zstd -q -1 <${path} >${piped}`)
  const source = await openImage(piped)
  t.is(source.size, undefined)
  t.true(disk.equals(await readAllOf(source)))
})

test('a zstd that needs the memory of a large machine is refused as that, not as damaged', async t => {
  if (!canUse(t, tools)) return
  const { folder, path } = await packed(t, 'raw')
  const long = join(folder, 'long.zst')
  await run('sh', '-c', `zstd -q -1 --long=30 <${path} >${long}`)
  t.regex(await problemWith(t, long), /takes more than 128 MiB of memory: pack it again without --long/)
})

test('what comes behind a zstd is not passed over in silence', async t => {
  const path = join(await temporaryFolder(t), 'x.zst')
  await writeFile(path, Buffer.concat([zstdCompressSync(disk), Buffer.from('and more')]))
  t.regex(await problemWith(t, path), /something else than zstd at byte/)
})

test('without the program xz, a library unpacks, and notices what is missing or wrong', async t => {
  if (!canUse(t, tools)) return
  const { path } = await packed(t, 'xz')
  const unpack = async (): Promise<Buffer> => {
    const file = await open(path)
    try {
      const chunks: Uint8Array[] = []
      for await (const chunk of readXz(file, { program: 'there-is-no-such-xz' })) chunks.push(Buffer.from(chunk))
      return Buffer.concat(chunks)
    } finally {
      await file.close()
    }
  }
  t.true(disk.equals(await unpack()))
  const whole = await readFile(path)
  whole[Math.floor(whole.length / 2)]! ^= 0x10
  await writeFile(path, whole)
  await t.throwsAsync(unpack)
})

test('a zip must hold exactly one image', async t => {
  if (!canUse(t, tools)) return
  const { folder, path } = await packed(t, 'raw')
  await writeFile(join(folder, 'README.txt'), 'read me')
  await copyFile(path, join(folder, 'other.img'))
  const zip = async (name: string, ...files: string[]): Promise<string> => {
    await run('zip', '-q', '-j', join(folder, name), ...files.map(file => join(folder, file)))
    return join(folder, name)
  }
  t.is((await openImage(await zip('with-text.zip', 'README.txt', 'disk.img'))).name, 'disk.img')
  t.regex(await problemWith(t, await zip('text.zip', 'README.txt')), /no \.img file in it, but README\.txt/)
  t.regex(
    await problemWith(t, await zip('two.zip', 'disk.img', 'other.img')),
    /several images in it: disk\.img, other\.img/,
  )
  await run('zip', '-q', '-j', '-P', 'secret', join(folder, 'locked.zip'), path)
  t.regex(await problemWith(t, join(folder, 'locked.zip')), /needs a password/)
})

test('what is no image of a disk is refused, with what it is and what to do', async t => {
  if (!canUse(t, [...tools, 'bzip2', 'tar'])) return
  const { folder, path } = await packed(t, 'raw')
  const write = async (name: string, bytes: Uint8Array | string): Promise<string> => {
    await writeFile(join(folder, name), bytes)
    return join(folder, name)
  }
  t.regex(await problemWith(t, await write('empty', '')), /it is empty/)
  t.regex(await problemWith(t, await write('page.img', '<!DOCTYPE html>')), /a web page/)
  t.regex(await problemWith(t, await write('noise', Buffer.alloc(mib, 7))), /no partition table/)
  await run('sh', '-c', `bzip2 -k ${path} && tar cf ${folder}/a.tar -C ${folder} disk.img && xz -k -0 ${folder}/a.tar`)
  t.regex(await problemWith(t, `${path}.bz2`), /packed by bzip2: unpack it first/)
  t.regex(await problemWith(t, join(folder, 'a.tar.xz')), /of what is in it: it is a tar archive/)
  await run('sh', '-c', `zstd -q -k ${path} && gzip -k ${path}.zst`)
  t.regex(await problemWith(t, `${path}.zst.gz`), /packed twice \(zstd\)/)
  await mkdir(join(folder, 'sub'))
  t.regex(await problemWith(t, join(folder, 'sub')), /it is a folder/)
  t.regex(await problemWith(t, '/dev/null'), /it is no file/)
  t.regex(await problemWith(t, join(folder, 'nowhere')), /there is no such file/)
})

test('whatever is done to a packed image, it is refused or comes out whole', async t => {
  if (!canUse(t, tools)) return
  const small = sampleDisk(700_000)
  for (const format of ['xz', 'gzip', 'zstd', 'zip'] as const) {
    const { folder, path } = await packed(t, format, small)
    const whole = await readFile(path)
    const spoil = fc.tuple(
      fc.nat(whole.length - 1),
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
      fc.nat(whole.length),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(spoil, { minLength: 1, maxLength: 3 }), async spoils => {
        let bytes = Buffer.from(whole)
        for (const [at, junk, end] of spoils) {
          bytes.set(junk.subarray(0, bytes.length - at), Math.min(at, bytes.length))
          if (end % 5 === 0 && end > at) bytes = bytes.subarray(0, end)
        }
        const spoilt = join(folder, 'spoilt')
        await writeFile(spoilt, bytes)
        try {
          const found = await readAllOf(await openImage(spoilt))
          // Names, dates and the like may be another; what is on the disk may not.
          t.true(small.equals(found), format)
        } catch (error) {
          t.true(error instanceof CodedError && error.code === 'Invalid', `${format}: ${error}`)
        }
      }),
      { numRuns: 25 },
    )
  }
})

test('a download that was not finished and has zeros for the rest is refused at once', async t => {
  if (!canUse(t, tools)) return
  for (const format of ['xz', 'zstd', 'zip'] as const) {
    const { path } = await packed(t, format)
    const { size } = await stat(path)
    await truncate(path, size - 500_000)
    await truncate(path, size)
    const error = await t.throwsAsync(openImage(path), { instanceOf: CodedError })
    t.is(error.code, 'Invalid')
  }
})

test('an image that changes after it was looked at is not written half old, half new', async t => {
  const path = await pack(await temporaryFolder(t), disk, 'raw')
  const source = await openImage(path)
  await truncate(path, 2 * mib)
  const error = await t.throwsAsync(readAllOf(source), { instanceOf: CodedError })
  t.is(error.code, 'Conflict')
  t.regex(error.message, /changed meanwhile/)
})

test('an abort ends the reading with its own reason, also inside of xz', async t => {
  if (!canUse(t, tools)) return
  for (const format of formats) {
    const { path } = await packed(t, format)
    const source = await openImage(path)
    const abort = new AbortController()
    const reason = new Error('enough')
    await t.throwsAsync(
      async () => {
        for await (const _ of source.read(abort.signal)) abort.abort(reason)
      },
      { is: reason },
      format,
    )
  }
})
