import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { canUse, temporaryFolder } from '../../cli/flash/disk/loop-device.ts'

const execute = promisify(execFile)
const folder = join(import.meta.dirname, '../../../images/os/initrd')

/** What a script says after it has read the initrd's functions. */
async function say(script: string): Promise<string> {
  const { stdout } = await execute('busybox', ['sh', '-uc', `. "$0"; ${script}`, join(folder, 'card.sh')])
  return stdout.trim()
}

test('a partition goes by the name that Linux gives it', async t => {
  if (!canUse(t, ['busybox'])) return
  const names = await say(
    'for disk in /dev/mmcblk0 /dev/nvme0n1 /dev/sda /dev/vda /dev/loop7; do partition $disk 2; done',
  )
  t.deepEqual(names.split('\n'), ['/dev/mmcblk0p2', '/dev/nvme0n1p2', '/dev/sda2', '/dev/vda2', '/dev/loop7p2'])
})

test('a disk is known by the signature of its MBR, as sfdisk writes it', async t => {
  if (!canUse(t, ['busybox', 'sfdisk'])) return
  const image = join(await temporaryFolder(t), 'disk')
  await writeFile(image, Buffer.alloc(2 ** 20))
  await execute('sh', ['-c', 'printf "label: dos\\nlabel-id: 0xf1077a11\\n" | sfdisk --quiet "$0"', image])
  t.is(await say(`read_signature ${image}`), 'f1077a11')
})

test('of two disks with the signature it is the one that the firmware started from', async t => {
  if (!canUse(t, ['busybox'])) return
  const two = "disks_with() { printf '/dev/mmcblk0\\n/dev/sda\\n'; };"
  const found = (mode: string): Promise<string> => say(`${two} boot_mode() { echo ${mode}; }; find_disk f1077a11`)
  t.is(await found('1'), '/dev/mmcblk0')
  t.is(await found('4'), '/dev/sda')
  t.is(await found(''), '/dev/mmcblk0', 'a board that does not say: the first')
  t.is(await found('6'), '', 'NVMe: neither of them, wait for it')
})

test('a word of the command line is what follows its first "=", and the last one counts', async t => {
  if (!canUse(t, ['busybox'])) return
  const line = 'ro root=PARTUUID=0-01 quiet root=PARTUUID=f1077a11-02 xroot=no'
  const path = join(await temporaryFolder(t), 'cmdline')
  await writeFile(path, `${line}\n`)
  const { stdout } = await execute('sh', [
    '-c',
    `sed -n '/^word()/p' "$0" | sed 's#/proc/cmdline#${path}#'`,
    join(folder, 'init'),
  ])
  t.is(await say(`${stdout.trim()}; word root`), 'PARTUUID=f1077a11-02')
})

test('the scripts have no fault that shellcheck knows', async t => {
  if (!canUse(t, ['shellcheck'])) return
  await t.notThrowsAsync(execute('shellcheck', ['--exclude=SC1091', join(folder, 'init'), join(folder, 'card.sh')]))
})
