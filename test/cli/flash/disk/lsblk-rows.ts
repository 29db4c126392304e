/** What lsblk says of some machines. */

export function row(name: string, rest: Record<string, unknown>) {
  return {
    ...{ name, path: `/dev/${name}`, type: 'disk', size: 16_000_000_000, model: null, vendor: null, serial: null },
    ...{ tran: null, subsystems: 'block', rm: false, ro: false, mountpoints: [null], fstype: null, label: null },
    ...{ 'maj:min': '8:0', ...rest },
  }
}

const mapper = (name: string, rest: Record<string, unknown>) => ({ ...row(name, rest), path: `/dev/mapper/${name}` })

/** System on NVMe in LVM in LUKS, a data disk, an SD card in a USB reader with a Raspberry Pi's partitions, one in a slot. */
export const laptop = [
  {
    ...row('nvme0n1', { tran: 'nvme', subsystems: 'block:nvme:pci', size: 512110190592, 'maj:min': '259:0' }),
    children: [
      row('nvme0n1p1', { type: 'part', 'maj:min': '259:1', fstype: 'vfat', mountpoints: ['/boot/efi'] }),
      {
        ...row('nvme0n1p2', { type: 'part', 'maj:min': '259:2', fstype: 'crypto_LUKS' }),
        children: [
          {
            ...mapper('crypt', { type: 'crypt', 'maj:min': '252:0', fstype: 'LVM2_member' }),
            children: [
              mapper('vg-root', { type: 'lvm', 'maj:min': '252:1', fstype: 'ext4', mountpoints: ['/'] }),
              mapper('vg-swap', { type: 'lvm', 'maj:min': '252:2', fstype: 'swap', mountpoints: ['[SWAP]'] }),
            ],
          },
        ],
      },
    ],
  },
  row('sda', { tran: 'sata', subsystems: 'block:scsi:pci', size: 4000787030016 }),
  {
    ...row('sdb', {
      ...{ tran: 'usb', subsystems: 'block:scsi:usb:pci', rm: true, size: 31914983424, 'maj:min': '8:16' },
      ...{ vendor: 'Generic ', model: 'STORAGE DEVICE', serial: '000000001206' },
    }),
    children: [
      row('sdb1', {
        ...{ type: 'part', 'maj:min': '8:17', fstype: 'vfat', label: 'bootfs' },
        mountpoints: ['/media/me/bootfs'],
      }),
      row('sdb2', { type: 'part', 'maj:min': '8:18', fstype: 'ext4', mountpoints: ['/media/me/rootfs'] }),
    ],
  },
  row('mmcblk0', { subsystems: 'block:mmc:mmc_host:pci', size: 15931539456, 'maj:min': '179:0' }),
]
