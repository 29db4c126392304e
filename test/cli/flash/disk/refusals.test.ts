import test from 'ava'
import type { Drive, DrivePart } from '../../../../cli/flash/disk/drive.ts'
import {
  type ImageFacts,
  mountsOf,
  type RefusalReason,
  refusalsOf,
  warningsOf,
} from '../../../../cli/flash/disk/refusals.ts'

const card: Drive = {
  ...{ path: '/dev/sdb', name: 'sdb', sizeBytes: 32e9, model: 'Reader', serial: undefined },
  ...{ attachment: 'usb', removable: true, readOnly: false, parts: [], devices: ['8:16', '8:17'] },
}
const image: ImageFacts = { sizeBytes: 3e9, device: '259:2' }
const disk: Drive = { ...card, attachment: 'internal', removable: false }

const part = (path: string, ...mounts: string[]): DrivePart => ({
  ...{ path, type: 'part', sizeBytes: 1e9, fileSystem: 'ext4', label: undefined, mounts },
})
const over = (type: string): DrivePart => ({ ...part('/dev/mapper/x'), type })
const mounted = (...mounts: string[]): DrivePart[] => [part('/dev/sdb1', ...mounts)]

interface Row {
  what: string
  drive: Drive
  image?: ImageFacts
  /** With `!` when it can be forced. */
  reasons: Array<RefusalReason | `${RefusalReason}!`>
  says?: RegExp
}

const rows: Row[] = [
  { what: 'a card', drive: card, reasons: [] },
  { what: 'a loop device', drive: { ...card, attachment: 'loop', removable: false }, reasons: [] },
  {
    what: 'a card whose image is of unknown size',
    drive: card,
    image: { ...image, sizeBytes: undefined },
    reasons: [],
  },
  { what: 'a card that the desktop has mounted', drive: { ...card, parts: mounted('/media/me/bootfs') }, reasons: [] },
  {
    what: 'one of which it has mounted two',
    drive: { ...card, parts: mounted('/media/me/x', '/run/media/me/y') },
    reasons: [],
  },
  {
    what: "somebody's backup, mounted by hand",
    drive: { ...card, parts: mounted('/mnt/backup') },
    reasons: ['mounted!'],
    says: /\/mnt\/backup on it is in use/,
  },
  {
    what: 'a stick that serves files',
    drive: { ...card, parts: mounted('/srv/files') },
    reasons: ['mounted!'],
    says: /\/srv\/files on it is in use: unmount it first \(umount \/srv\/files\)/,
  },
  {
    what: 'a loop device that is mounted',
    drive: { ...card, removable: false, parts: mounted('/mnt') },
    reasons: ['mounted!'],
  },
  ...['/', '/boot', '/boot/firmware', '/usr', '/var', '/var/lib/x', '/home', '/etc', '[SWAP]'].map(
    (mount): Row => ({
      what: `what is mounted at ${mount}`,
      drive: { ...card, parts: mounted(mount) },
      reasons: ['system', 'mounted!'],
      says: mount === '[SWAP]' ? /this machine swaps to it/ : /this machine runs from it/,
    }),
  ),
  { what: 'a folder that only begins like one', drive: { ...card, parts: mounted('/media/usr') }, reasons: [] },
  {
    what: 'a system below LVM in LUKS',
    drive: { ...disk, parts: [over('crypt'), { ...over('lvm'), mounts: ['/'] }] },
    reasons: ['system', 'in-use', 'mounted!', 'internal!'],
  },
  ...(
    [
      ['lvm', /vgchange -an/],
      ['crypt', /cryptsetup close/],
      ['raid1', /mdadm --stop/],
      ['dm', /dmsetup remove/],
    ] as const
  ).map(
    ([type, says]): Row => ({
      what: `an open ${type}`,
      drive: { ...card, parts: [over(type)] },
      reasons: ['in-use'],
      says,
    }),
  ),
  {
    what: "the image's own drive",
    drive: card,
    image: { ...image, device: '8:17' },
    reasons: ['image-drive'],
    says: /copy/,
  },
  { what: 'a locked card', drive: { ...card, readOnly: true }, reasons: ['read-only'], says: /a switch on its side/ },
  {
    what: 'a card that is too small',
    drive: { ...card, sizeBytes: 2e9 },
    reasons: ['too-small'],
    says: /the image has 3\.0 GB and it only 2\.0 GB/,
  },
  { what: 'a card of just the right size', drive: { ...card, sizeBytes: 3e9 }, reasons: [] },
  { what: 'a disk of this machine', drive: disk, reasons: ['internal!'], says: /built into this machine/ },
  { what: 'a built-in disk that can be taken out', drive: { ...disk, removable: true }, reasons: [] },
  {
    what: "somebody's backup",
    drive: { ...card, sizeBytes: 2e12 },
    reasons: ['too-large!'],
    says: /2\.0 TB, which no card/,
  },
]

for (const { what, drive, reasons, says, image: facts = image } of rows)
  test(`${what} is ${reasons.length === 0 ? 'taken' : `refused: ${reasons.join(', ')}`}`, t => {
    const refusals = refusalsOf(drive, facts)
    t.deepEqual(
      refusals.map(({ reason, forceable }) => `${reason}${forceable ? '!' : ''}`),
      reasons,
    )
    for (const { message } of refusals) t.regex(message, /^cannot write to \/dev\/sdb: because .+: .+/)
    if (says) t.regex(refusals[0]!.message, says)
  })

test('a large card is taken, but somebody should look twice', t => {
  t.deepEqual(warningsOf(card), [])
  t.deepEqual(warningsOf({ ...card, sizeBytes: 128e9 }), [])
  t.regex(warningsOf({ ...card, sizeBytes: 256e9 })[0]!, /\/dev\/sdb has 256 GB: is it really a card\?/)
})

test('what is mounted inside of another mount is unmounted before it', t => {
  const parts = [part('/dev/sdb1', '/mnt'), part('/dev/sdb2', '/mnt/boot/firmware'), part('/dev/sdb3', '/mnt/boot')]
  t.deepEqual(mountsOf({ ...card, parts }), ['/mnt/boot/firmware', '/mnt/boot', '/mnt'])
})
