import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bootPartition, listBootFolder, readBootFile, takeBootFiles } from './boot-files.ts'
import { machines } from './machines.ts'

const kindOf = (name: string): (typeof machines)[number] => machines.find(machine => machine.name === name)!

/** A card with one FAT, made by the tools of this machine. */
async function makeCard(
  t: ExecutionContext,
  files: Record<string, string>,
): Promise<{ card: string; directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-card-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const card = join(directory, 'card.img')
  execFileSync('truncate', ['-s', '64M', card])
  execFileSync('sfdisk', ['--quiet', card], { input: 'label: dos\nstart=2048, size=122880, type=c\n' })
  const { image } = bootPartition(card)
  execFileSync('mformat', ['-i', image, '-F', '-T', '122880', '-h', '64', '-s', '32', '::'])
  const above = (path: string): string[] =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, index, names) => names.slice(0, index + 1).join('/'))
  for (const folder of new Set(Object.keys(files).flatMap(above))) execFileSync('mmd', ['-i', image, `::/${folder}`])
  for (const [path, text] of Object.entries(files)) {
    await writeFile(join(directory, 'file'), text)
    execFileSync('mcopy', ['-i', image, join(directory, 'file'), `::/${path}`])
  }
  return { card, directory: join(directory, 'taken') }
}

test("a card's UEFI entry is followed as systemd-boot does", async t => {
  const entry = 'title Flotilla\nlinux /a/vmlinuz\ninitrd /a/initrd\noptions root=PARTLABEL=a quiet\n'
  const { card, directory } = await makeCard(t, {
    'loader/entries/a.conf': entry,
    'a/vmlinuz': 'kernel',
    'a/initrd': 'initrd',
  })
  const direct = takeBootFiles(card, kindOf('amd64'), directory)
  t.is(readFileSync(direct.kernel, 'utf8'), 'kernel')
  t.is(readFileSync(direct.initrd!, 'utf8'), 'initrd')
  t.regex(direct.commandLine, /^root=PARTLABEL=a quiet .*console=ttyS0/)
  t.is(direct.dtb, undefined)
})

test("a card's config.txt is followed as the firmware of a Pi 3 does: the last word counts, other models' sections do not", async t => {
  const config =
    '# ours\nkernel=old\n[pi5]\nkernel=kernel_2712.img\n[pi3]\nkernel=kernel8.img\n[all]\nos_prefix=a/\ninitramfs initramfs8 followkernel\n'
  const { card, directory } = await makeCard(t, {
    'config.txt': config,
    'a/kernel8.img': 'kernel of a Pi',
    'a/initramfs8': 'initrd',
    'a/cmdline.txt': 'root=/dev/mmcblk0p2 rootwait\n',
    'a/bcm2837-rpi-3-b.dtb': 'tree',
  })
  const direct = takeBootFiles(card, kindOf('raspi3b'), directory)
  t.is(readFileSync(direct.kernel, 'utf8'), 'kernel of a Pi')
  t.is(readFileSync(direct.dtb!, 'utf8'), 'tree')
  t.regex(direct.commandLine, /^root=\/dev\/mmcblk0p2 rootwait .*bcm2835_wdt.*console=ttyS1/)
})

test('what is not on a card is told apart from a card that cannot be read', async t => {
  const { card } = await makeCard(t, { 'flotilla/join': 'flotilla://x' })
  const partition = bootPartition(card)
  t.is(readBootFile(partition, 'flotilla/join'), 'flotilla://x')
  t.is(readBootFile(partition, 'flotilla/gone'), undefined)
  t.deepEqual(listBootFolder(partition, 'flotilla'), ['flotilla/join'])
  t.throws(() => takeBootFiles(card, kindOf('amd64'), join(dirname(card), 'boot')), { message: /loader/ })
})
