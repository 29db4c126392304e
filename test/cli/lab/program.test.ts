import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { findImages, findProgram, folderOf } from '../../../cli/lab/program.ts'
import { putPackedFiles } from '../../../kit/packed-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'flotilla-lab-program-'))
test.after.always(() => rm(folder, { recursive: true, force: true }))

test.serial('image archives beside the program are its own', async t => {
  mkdirSync(join(folder, 'dist/images'), { recursive: true })
  for (const name of ['pause.tar', 'hello.tar', 'notes.txt']) writeFileSync(join(folder, 'dist/images', name), name)
  const images = await findImages([join(folder, 'dist/flotilla')], join(folder, 'unpacked'))
  t.deepEqual(images, [join(folder, 'dist/images/hello.tar'), join(folder, 'dist/images/pause.tar')])
})

test.serial('a packed program starts itself, whoever started it, and unpacks the images inside it', async t => {
  const files: Record<string, string> = { 'assets/images/pause.tar': 'pause', 'assets/images/README': '' }
  putPackedFiles({ names: Object.keys(files), read: name => Buffer.from(files[name] ?? '') })
  t.deepEqual(findProgram({ FLOTILLA_PROGRAM: '/somebody/else' }, []), [process.execPath])
  const images = await findImages([join(folder, 'bin/flotilla')], join(folder, 'unpacked'))
  t.deepEqual(images, [join(folder, 'unpacked/pause.tar')])
  t.is(readFileSync(images[0]!, 'utf8'), 'pause')
})

test.serial('whoever runs the program must reach its folder: the clone, of one that was built there', t => {
  t.is(folderOf(['/home/me/clone/dist/flotilla']), '/home/me/clone')
  t.is(folderOf(['/usr/bin/flotilla']), '/usr/bin')
})
