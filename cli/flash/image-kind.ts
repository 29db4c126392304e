/** What an image is, by the files on its boot partition: how it takes its settings, and which boards start from it. Pure. */
import { type OwnImage, onBoot } from '../../contract/card/card-places.ts'
import type { BoardProfile } from '../../firmware-config/profile.ts'
import { CodedError } from '../../kit/errors.ts'

export interface ImageKind {
  /** `own`: by our first start. `cloud-init`: by user-data on the FAT. `first-run`: by a script that systemd runs once. */
  by: 'own' | 'cloud-init' | 'first-run'
  /** What people call it: `Raspberry Pi OS (trixie or later)`. */
  title: string
  architectures: Array<BoardProfile['architecture']>
  firmwares: Array<BoardProfile['firmware']>
  /** What the boot partition must be called so that cloud-init looks for its settings there. Undefined: as it is. */
  label?: string
  /** Of our own. */
  version?: string
}

/** Of a Fat: the files of the boot partition. */
export interface BootFiles {
  stat(path: string): unknown
  text(path: string): string | undefined
}

/** As people print it; an image is whoever's. */
const versionShape = /^[\w.+~-]{1,64}$/
/** cloud-init, NoCloud, "Source 2: drive with labeled filesystem". */
const seedLabel = 'CIDATA'

/** Throws `Invalid` with what is known about an image that cannot be used. */
export function imageKindOf(boot: BootFiles): ImageKind {
  const has = (path: string): boolean => boot.stat(path) !== undefined
  const own = boot.text(onBoot.image)
  if (own !== undefined) return ownImage(own, has)
  const isRaspberryPi =
    has('config.txt') && (has('start4.elf') || has('start.elf') || has('bootcode.bin') || has('cmdline.txt'))
  const architectures = architecturesOf(has, isRaspberryPi)
  const firmwares = firmwaresOf(has, isRaspberryPi)
  if (has('user-data') || has('meta-data'))
    return { by: 'cloud-init', title: titleOf(boot, isRaspberryPi), architectures, firmwares }
  // Debian finds its partitions by their ids, so that the label is free (Ubuntu's cloud image mounts by it).
  if (has('EFI/debian') && firmwares.includes('uefi'))
    return { by: 'cloud-init', title: "Debian's cloud image", architectures, firmwares, label: seedLabel }
  if (isRaspberryPi && has('issue.txt')) {
    if (architectures.length > 0) return { by: 'first-run', title: titleOf(boot, true), architectures, firmwares }
    throw unusable(
      'it is a 32-bit Raspberry Pi OS, and Flotilla runs on 64 bits',
      'take the image whose name has arm64 in it',
    )
  }
  const what = isRaspberryPi
    ? 'it starts a Raspberry Pi'
    : firmwares.length > 0
      ? 'it starts by UEFI'
      : 'nothing on its boot partition starts a board that we know'
  const cause = `${what}, but its boot partition takes no settings: there is neither ${onBoot.image}, nor user-data of cloud-init, nor issue.txt of Raspberry Pi OS`
  throw unusable(
    cause,
    'take our own image, a Raspberry Pi OS, Ubuntu for Raspberry Pi, or a cloud image of Debian; on any other system: flotilla join',
  )
}

/** Why boards of this profile cannot start from the image; undefined when they can. */
export function mismatchOf(kind: ImageKind, { name, title, architecture, firmware }: BoardProfile): string | undefined {
  if (!kind.architectures.includes(architecture))
    return `${kind.title} is for ${kind.architectures.join(' and ') || 'another architecture'}, and ${name} (${title}) needs ${architecture}`
  if (kind.firmwares.includes(firmware)) return undefined
  return firmware === 'raspberry-pi'
    ? `${name} (${title}) starts by the firmware of a Raspberry Pi, which is not on the boot partition of ${kind.title}`
    : `${name} (${title}) starts by UEFI, and ${kind.title} has no EFI/BOOT for it`
}

function ownImage(text: string, has: (path: string) => boolean): ImageKind {
  const { version, architecture } = readOwn(text)
  const isRaspberryPi = has('config.txt')
  const firmwares = firmwaresOf(has, isRaspberryPi)
  return {
    by: 'own',
    title: `Flotilla ${version} for ${architecture}`,
    version,
    architectures: [architecture],
    firmwares,
  }
}

function readOwn(text: string): OwnImage {
  try {
    const { version, architecture } = JSON.parse(text) as Partial<OwnImage>
    if (
      typeof version === 'string' &&
      versionShape.test(version) &&
      (architecture === 'arm64' || architecture === 'amd64')
    )
      return { version, architecture }
  } catch {
    // Told below, as any other content that is not ours.
  }
  throw unusable(`its ${onBoot.image} cannot be read`, 'build or download it anew')
}

function architecturesOf(has: (path: string) => boolean, isRaspberryPi: boolean): ImageKind['architectures'] {
  // A 32-bit Raspberry Pi OS brings a 64-bit kernel too, and kernels for the boards that take no other.
  const is64Bit =
    isRaspberryPi && !has('kernel7.img') && (has('kernel8.img') || has('vmlinuz') || has('current/vmlinuz'))
  const isArm = is64Bit || has('EFI/BOOT/BOOTAA64.EFI')
  return [...(isArm ? (['arm64'] as const) : []), ...(has('EFI/BOOT/BOOTX64.EFI') ? (['amd64'] as const) : [])]
}

function firmwaresOf(has: (path: string) => boolean, isRaspberryPi: boolean): ImageKind['firmwares'] {
  const isUefi = has('EFI/BOOT/BOOTAA64.EFI') || has('EFI/BOOT/BOOTX64.EFI')
  return [...(isRaspberryPi ? (['raspberry-pi'] as const) : []), ...(isUefi ? (['uefi'] as const) : [])]
}

/** pi-gen writes into issue.txt: "Raspberry Pi reference 2025-10-01". */
function titleOf(boot: BootFiles, isRaspberryPi: boolean): string {
  const [, date] = /Raspberry Pi reference (\d{4}-\d{2}-\d{2})/.exec(boot.text('issue.txt') ?? '') ?? []
  if (date !== undefined) return `Raspberry Pi OS of ${date}`
  return isRaspberryPi ? 'a system for Raspberry Pi with cloud-init' : 'a system with cloud-init'
}

function unusable(why: string, way: string): CodedError {
  return new CodedError('Invalid', `cannot prepare this image: because ${why}: ${way}`)
}
