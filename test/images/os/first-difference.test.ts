import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { firstDifference } from './first-difference.ts'

/** Two builds that are the same but for what `change` does to the second. Resolves to their first difference. */
async function differenceAfter(t: ExecutionContext, change: (second: string) => Promise<void>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-difference-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const [first, second] = [join(folder, 'first'), join(folder, 'second')]
  for (const build of [first, second]) {
    await mkdir(join(build, 'root/etc'), { recursive: true })
    await writeFile(join(build, 'root/etc/hostname'), 'board\n')
    await writeFile(join(build, 'root/etc/passwd'), 'root\n')
    await symlink('hostname', join(build, 'root/etc/name'))
    // Sorts before the folder that it leads to.
    await symlink('etc', join(build, 'root/as'))
    await writeFile(join(build, 'disk.img'), Buffer.alloc(3 << 20))
  }
  await change(second)
  return (await firstDifference(first, second, ['root', 'disk.img'])) ?? 'none'
}

test('what is the same has no difference', async t => {
  t.is(await differenceAfter(t, async () => undefined), 'none')
})

test('the file is named before the disk that it lies in, with its first byte', async t => {
  const said = await differenceAfter(t, async second => {
    await writeFile(join(second, 'root/etc/passwd'), 'rolf\n')
    await writeFile(join(second, 'disk.img'), Buffer.alloc(3 << 20, 1))
  })
  t.is(said, 'root/etc/passwd: at byte 2')
})

test('a disk whose files are all the same is told by its first byte', async t => {
  const said = await differenceAfter(t, async second => {
    const disk = Buffer.alloc(3 << 20)
    disk[(2 << 20) + 5] = 1
    await writeFile(join(second, 'disk.img'), disk)
  })
  t.is(said, 'disk.img: at byte 2097157')
})

test('files that are missing, longer, of other modes, and links elsewhere are told as such', async t => {
  const etc = (second: string, name: string): string => join(second, 'root/etc', name)
  t.regex(
    await differenceAfter(t, second => rm(etc(second, 'hostname'))),
    /^root\/etc\/hostname: file 644 \d+:\d+, 6 bytes in the first, missing in the second$/,
  )
  t.regex(
    await differenceAfter(t, second => writeFile(etc(second, 'more'), '')),
    /^root\/etc\/more: missing in the first, file /,
  )
  t.regex(await differenceAfter(t, second => chmod(etc(second, 'passwd'), 0o600)), /passwd: file 644 .*, file 600 /s)
  t.regex(
    await differenceAfter(t, async second => {
      await rm(etc(second, 'name'))
      await symlink('passwd', etc(second, 'name'))
    }),
    /^root\/etc\/name: link to hostname in the first, link to passwd in the second$/,
  )
})
