import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { checkImageSum, sumOf } from '../../../../cli/flash/disk/checksum-file.ts'
import type { FlashProgress } from '../../../../cli/flash/disk/progress.ts'
import { CodedError } from '../../../../kit/errors.ts'
import { canUse, run, temporaryFolder } from './loop-device.ts'
import { mib, sampleDisk, sha256 } from './sample-image.ts'

const disk = sampleDisk(mib)
const sum = sha256(disk)

async function image(t: ExecutionContext): Promise<{ folder: string; path: string }> {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'pi os.img.xz')
  await writeFile(path, disk)
  return { folder, path }
}

test('what sha256sum writes is understood, in each of its forms', async t => {
  if (!canUse(t, ['sha256sum'])) return
  const { folder, path } = await image(t)
  t.is(await checkImageSum(path), undefined)
  for (const command of ['sha256sum', 'sha256sum --binary', 'sha256sum --tag', "sha256sum | cut -d' ' -f1 #"]) {
    const argument = command.endsWith('#') ? `cat 'pi os.img.xz' | ${command}` : `${command} 'pi os.img.xz'`
    await run('sh', '-c', `cd '${folder}' && ${argument} >'pi os.img.xz.sha256'`)
    t.is(await checkImageSum(path), `${path}.sha256`, command)
  }
})

test('of a list of sums, the line of that name counts, and a list without it says nothing', async t => {
  const { folder, path } = await image(t)
  const list = join(folder, 'SHA256SUMS')
  const other = `${'0'.repeat(64)}  other.img\n`
  await writeFile(list, other)
  t.is(await checkImageSum(path), undefined)
  await writeFile(list, `${other}${sum} *./pi os.img.xz\n`)
  t.is(await checkImageSum(path), list)
})

test('an image with another sum is not trusted, and both sums are told', async t => {
  const { path } = await image(t)
  await writeFile(`${path}.sha256`, `${'a'.repeat(64)}  pi os.img.xz\n`)
  const error = await t.throwsAsync(checkImageSum(path), { instanceOf: CodedError })
  t.is(error.code, 'Conflict')
  t.true(error.message.includes(sum) && error.message.includes('a'.repeat(64)) && error.message.includes('.sha256'))
})

test('its reading is told and can be stopped', async t => {
  const { path } = await image(t)
  await writeFile(`${path}.sha256`, sum)
  const said: FlashProgress[] = []
  await checkImageSum(path, { progress: word => void said.push(word) })
  t.like(said.at(-1), { phase: 'reading', done: mib, total: mib })
  const reason = new Error('Ctrl-C')
  await t.throwsAsync(checkImageSum(path, { signal: AbortSignal.abort(reason) }), { is: reason })
})

test('a name is the whole name', t => {
  t.is(sumOf('b.img', `${sum}  ab.img\n`), undefined)
  t.is(sumOf('b.img', `${sum}  a/b.img\r\n`), sum)
  t.is(sumOf('b.img', 'not a sum  b.img'), undefined)
})
