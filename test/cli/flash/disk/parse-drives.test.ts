import test from 'ava'
import { parseDrives } from '../../../../cli/flash/disk/parse-drives.ts'
import { CodedError } from '../../../../kit/errors.ts'
import { laptop, row } from './lsblk-rows.ts'

const parse = (...rows: object[]) => parseDrives(JSON.stringify({ blockdevices: rows }))

test('of a laptop, what can be taken out is told from what cannot', t => {
  const drives = parse(...laptop)
  t.deepEqual(
    drives.map(({ name, attachment, removable }) => [name, attachment, removable]),
    [
      ['nvme0n1', 'internal', false],
      ['sda', 'internal', false],
      ['sdb', 'usb', true],
      ['mmcblk0', 'mmc', true],
    ],
  )
  t.like(drives[2], {
    path: '/dev/sdb',
    model: 'Generic STORAGE DEVICE',
    serial: '000000001206',
    sizeBytes: 31914983424,
  })
})

test('what lies above a drive belongs to it: crypt and LVM with their mounts and numbers', t => {
  const [nvme] = parse(...laptop)
  t.deepEqual(
    nvme!.parts.map(({ path, type, mounts }) => [path, type, ...mounts]),
    [
      ['/dev/nvme0n1p1', 'part', '/boot/efi'],
      ['/dev/nvme0n1p2', 'part'],
      ['/dev/mapper/crypt', 'crypt'],
      ['/dev/mapper/vg-root', 'lvm', '/'],
      ['/dev/mapper/vg-swap', 'lvm', '[SWAP]'],
    ],
  )
  t.deepEqual(nvme!.devices, ['259:0', '259:1', '259:2', '252:0', '252:1', '252:2'])
})

test('a disk inside is one also where its socket is called removable', t => {
  const drives = parse(
    row('sda', { tran: 'sata', rm: true }),
    row('nvme0n1', { tran: 'nvme', rm: true }),
    row('sdb', { tran: null, rm: true }),
  )
  t.deepEqual(
    drives.map(({ name, removable }) => [name, removable]),
    [
      ['sda', false],
      ['nvme0n1', false],
      ['sdb', true],
    ],
  )
})

test('flash that is soldered in is no card, and its boot partitions are no drives', t => {
  const emmc = row('mmcblk0', { subsystems: 'block:mmc:mmc_host:platform', size: 62537072640 })
  const boot = row('mmcblk0boot0', { subsystems: 'block:mmc:mmc_host:platform', size: 4194304, ro: true })
  const drives = parse(emmc, boot)
  t.deepEqual(
    drives.map(({ name, attachment, removable }) => [name, attachment, removable]),
    [['mmcblk0', 'internal', false]],
  )
})

test('a file system on the whole drive is a part of it; memory, CDs and empty slots are no drives', t => {
  const drives = parse(
    row('sdc', { tran: 'usb', fstype: 'vfat', label: 'STI\u001b[2JCK', mountpoints: ['/media/me/STICK'] }),
    row('sdd', { tran: 'usb', size: 0 }),
    row('sr0', { type: 'rom' }),
    row('zram0', {}),
    row('loop3', { type: 'loop' }),
  )
  t.deepEqual(
    drives.map(({ name }) => name),
    ['sdc', 'loop3'],
  )
  t.like(drives[0]!.parts[0], {
    path: '/dev/sdc',
    fileSystem: 'vfat',
    label: 'STI\ufffd[2JCK',
    mounts: ['/media/me/STICK'],
  })
})

test('without udev, and from an older lsblk, the words that are left are enough', t => {
  const [usb] = parse(
    row('sda', { tran: null, model: null, vendor: null, subsystems: 'block:scsi:usb:pci', rm: '1', ro: '1' }),
  )
  t.like(usb, { attachment: 'usb', removable: true, readOnly: true, model: '', serial: undefined })
})

test('an array over two partitions of a drive comes once', t => {
  const array = row('md0', { type: 'raid1', 'maj:min': '9:0' })
  const part = (name: string) => ({ ...row(name, { type: 'part', 'maj:min': `8:${name.at(-1)}` }), children: [array] })
  const [drive] = parse({ ...row('sda', {}), children: [part('sda1'), part('sda2')] })
  t.deepEqual(
    drive!.parts.map(({ path }) => path),
    ['/dev/sda1', '/dev/md0', '/dev/sda2'],
  )
})

test('what is not lsblk is told as that', t => {
  for (const text of ['', '{}', 'lsblk: unknown column', '{"blockdevices":3}'])
    t.throws(() => parseDrives(text), { instanceOf: CodedError, message: /lsblk \(util-linux\) said what we do not/ })
})
