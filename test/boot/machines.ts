/** The machines that QEMU can be: what of a real board each of them is, and what starts its kernel. */
import type { BoardName } from '../../firmware-config/profile.ts'
import type { Hardware } from './qemu.ts'

export interface MachineKind {
  name: string
  title: string
  board: BoardName
  architecture: 'amd64' | 'arm64'
  hardware: Hardware
  /**
   * `own`: the machine's UEFI reads the card as a real one does. `direct`: we read kernel, initrd and command line from the
   * card, as a boot loader does, and give them to QEMU.
   */
  firmware: 'own' | 'direct'
  /** Device tree on the card, by the name of its file. */
  deviceTree?: string
  /** Words that only emulation needs. */
  commandLine?: string
  /** How much slower than an emulated PC with two processors: deadlines are so much longer. */
  slowness: number
}

const pc = ['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '1024']
const virt = ['-machine', 'virt', '-accel', 'tcg,thread=multi', '-cpu', 'cortex-a72', '-smp', '2', '-m', '1024']
const pi3 = ['-machine', 'raspi3b', '-accel', 'tcg,thread=multi', '-m', '1024']

const amd64: Hardware = {
  program: 'qemu-system-x86_64',
  arguments: pc,
  card: 'virtio',
  network: 'virtio',
  consoleUart: 0,
}
const arm64: Hardware = {
  program: 'qemu-system-aarch64',
  arguments: virt,
  card: 'virtio',
  network: 'virtio',
  consoleUart: 0,
}

/** Read-only: both keep their variables in memory when they are given no place for them. */
const ovmf = ['-drive', 'if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd']
const aavmf = ['-bios', '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd']

export const machines: MachineKind[] = [
  {
    name: 'amd64',
    title: 'PC (q35), kernel handed over',
    ...{ board: 'generic-amd64', architecture: 'amd64', hardware: amd64, firmware: 'direct', slowness: 1 },
  },
  {
    name: 'amd64-uefi',
    title: 'PC (q35) from UEFI and systemd-boot on',
    ...{ board: 'generic-amd64', architecture: 'amd64', firmware: 'own', slowness: 1 },
    hardware: { ...amd64, arguments: [...pc, ...ovmf] },
  },
  {
    name: 'arm64',
    title: 'arm64 virt, kernel handed over',
    ...{ board: 'qemu-virt', architecture: 'arm64', hardware: arm64, firmware: 'direct', slowness: 1.5 },
  },
  {
    name: 'arm64-uefi',
    title: 'arm64 virt from UEFI and systemd-boot on',
    ...{ board: 'generic-arm64', architecture: 'arm64', firmware: 'own', slowness: 2 },
    hardware: { ...arm64, arguments: [...virt, ...aavmf] },
  },
  {
    name: 'raspi3b',
    title: 'Raspberry Pi 3B: its device tree, SD card and usb network',
    ...{ board: 'rpi-3', architecture: 'arm64', firmware: 'direct', slowness: 4 },
    hardware: { program: 'qemu-system-aarch64', arguments: pi3, card: 'sd', network: 'usb', consoleUart: 1 },
    deviceTree: 'bcm2837-rpi-3-b.dtb',
    // QEMU's watchdog of the Pi resets it at once. Linux' device tree gives the first UART to Bluetooth, and the second is the console.
    commandLine: 'modprobe.blacklist=bcm2835_wdt',
  },
]
