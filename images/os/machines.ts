/** What the images of the two architectures have each for itself. */
import type { BoardName } from '../../firmware-config/profile.ts'

export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export interface Machine {
  architecture: Architecture
  /** Debian's meta package of the kernel, and the release that has the one we want where it is not the newest of the stable one. */
  kernel: { package: string; suite?: string }
  /** Not installed: some files of them are taken. */
  parts: string[]
  /** Files below /usr/lib/firmware that drivers of our boards load; a glob each, of which there must be some. */
  driverFirmware: string[]
  /** Where UEFI looks on a card that nobody told it of (UEFI 2.10, 3.5.1.1), and systemd-boot's name of the file. */
  loader: { from: string; to: string }
  /** Partition type of the FAT. */
  bootType: string
  /** Whose settings the boot partition gets at first; flash puts in those of the board. */
  boards: BoardName[]
}

export const machines: Record<Architecture, Machine> = {
  amd64: {
    architecture: 'amd64',
    kernel: { package: 'linux-image-amd64' },
    parts: ['systemd-boot-efi', 'firmware-realtek'],
    // Wired chips of most small PCs. They work without, but for errors that this mends.
    driverFirmware: ['rtl_nic/*'],
    loader: { from: 'systemd-bootx64.efi', to: 'EFI/BOOT/BOOTX64.EFI' },
    // EFI system partition: firmware that starts from an internal disk takes no other type on an MBR disk (UEFI 2.10, 5.2.2).
    bootType: 'ef',
    boards: ['generic-amd64'],
  },
  arm64: {
    architecture: 'arm64',
    // Drivers for the Pi 5's I/O chip (RP1: network, USB) came to Linux after the stable kernel of trixie.
    kernel: { package: 'linux-image-arm64', suite: 'trixie-backports' },
    parts: ['raspi-firmware', 'firmware-brcm80211', 'systemd-boot-efi'],
    // Wifi of the Pi 3 and some Zero 2 W (43430), of the 3B+, 4 and 5 (43455), and of the 400 (43456).
    driverFirmware: [
      'brcm/brcmfmac43430-sdio*',
      'brcm/brcmfmac43455-sdio*',
      'brcm/brcmfmac43456-sdio*',
      'cypress/cyfmac43430-sdio*',
      'cypress/cyfmac43455-sdio*',
    ],
    loader: { from: 'systemd-bootaa64.efi', to: 'EFI/BOOT/BOOTAA64.EFI' },
    // FAT32 with LBA: what the boot ROM of a Pi 3 looks for. EDK2 and U-Boot take any FAT of a card.
    bootType: 'c',
    boards: ['rpi-4', 'generic-arm64'],
  },
}
