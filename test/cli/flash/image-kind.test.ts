import test from 'ava'
import { type BootFiles, imageKindOf, mismatchOf } from '../../../cli/flash/image-kind.ts'
import { loadProfile } from '../../../firmware-config/load-profile.ts'
import { programAssets } from '../../../kit/assets.ts'
import { stockFiles } from './stock-image.ts'

const boot = (files: Record<string, string>): BootFiles => ({ stat: path => files[path], text: path => files[path] })
const kindOf = (files: Record<string, string>) => imageKindOf(boot(files))
const assets = programAssets()

test('each image is known by its boot partition', t => {
  t.like(kindOf(stockFiles.bookworm), {
    by: 'first-run',
    title: 'Raspberry Pi OS of 2025-05-13',
    architectures: ['arm64'],
  })
  t.like(kindOf(stockFiles.trixie), {
    by: 'cloud-init',
    title: 'Raspberry Pi OS of 2025-12-04',
    firmwares: ['raspberry-pi'],
  })
  t.like(kindOf(stockFiles.own), { by: 'own', version: '0.1.0', firmwares: ['raspberry-pi', 'uefi'] })
  t.like(kindOf(stockFiles.ownAmd64), { by: 'own', architectures: ['amd64'], firmwares: ['uefi'] })
  t.like(imageKindOf(boot({ ...stockFiles.debianCloud, 'EFI/debian': 'folder' })), {
    by: 'cloud-init',
    label: 'CIDATA',
    architectures: ['amd64'],
  })
  const { 'issue.txt': _, ...rest } = stockFiles.trixie
  const ubuntu = { ...rest, vmlinuz: 'kernel' }
  t.like(kindOf(ubuntu), {
    by: 'cloud-init',
    title: 'a system for Raspberry Pi with cloud-init',
    architectures: ['arm64'],
  })
})

const refused: Array<[title: string, files: Record<string, string>, message: RegExp]> = [
  ['a 32-bit Raspberry Pi OS', stockFiles.bookworm32, /32-bit.*arm64/],
  [
    'a cloud image without settings on its FAT',
    stockFiles.debianCloud,
    /starts by UEFI.*takes no settings.*flotilla join/,
  ],
  ['a FAT of anything else', { 'photo.jpg': 'x' }, /nothing on its boot partition starts a board/],
  [
    'a Raspberry Pi system that takes no settings',
    { 'config.txt': '', 'start4.elf': '', 'kernel8.img': '' },
    /starts a Raspberry Pi.*takes no settings/,
  ],
  ['an image of ours that is damaged', { 'flotilla/image.json': '{"version":1}' }, /image.json cannot be read/],
  [
    'an image of ours whose version would command a terminal',
    { 'flotilla/image.json': JSON.stringify({ version: '\u001b[2J', architecture: 'arm64' }) },
    /cannot be read/,
  ],
  [
    'an image of ours of another kind of machine',
    { 'flotilla/image.json': '{"version":"1","architecture":"armhf"}' },
    /cannot be read/,
  ],
]

for (const [title, files, message] of refused)
  test(`${title} is refused with what is known of it`, t => {
    t.throws(() => kindOf(files), { code: 'Invalid', message })
  })

const fits: Array<[image: keyof typeof stockFiles, board: string, fits: boolean]> = [
  ['own', 'rpi-4', true],
  ['own', 'rpi-zero-2w', true],
  ['own', 'qemu-virt', true],
  ['own', 'generic-arm64', true],
  ['own', 'generic-amd64', false],
  ['ownAmd64', 'generic-amd64', true],
  ['ownAmd64', 'rpi-5', false],
  ['trixie', 'rpi-3', true],
  ['trixie', 'generic-arm64', false],
  ['bookworm', 'generic-amd64', false],
]

for (const [image, board, fit] of fits)
  test(`${board} ${fit ? 'starts' : 'does not start'} from the image "${image}"`, t => {
    const why = mismatchOf(kindOf(stockFiles[image]), loadProfile(assets, board))
    t.is(why === undefined, fit, why)
  })
