/** A board of which only files and programs are known: a Raspberry Pi 4 on which all is well, and what a test changes of it. */
import { join } from 'node:path'
import type { BoardView } from '../../../../agent/board/doctor/board-view.ts'
import type { Ended } from '../../../../agent/board/run-program.ts'
import { amendBoot } from '../../../../firmware-config/amend-boot.ts'
import { loadProfile } from '../../../../firmware-config/load-profile.ts'
import { renderRoot } from '../../../../firmware-config/render-root.ts'
import { folderAssets } from '../../../../kit/assets.ts'

export const assets = folderAssets(join(import.meta.dirname, '../../../..'))
export const model = 'Raspberry Pi 4 Model B Rev 1.4\0'

export interface FakeBoard {
  /** Undefined: not there. */
  files?: Record<string, string | undefined>
  /** By command line, or by its first word. A number is an exit status, a text what it prints; undefined: there is no such program. */
  programs?: Record<string, string | number | undefined>
  view?: Partial<BoardView>
}

const programs: Record<string, string | number> = {
  containerd: 'containerd github.com/containerd/containerd 1.7.24~ds1 1.7.24~ds1-6+b4\n',
  timedatectl: 'yes\n',
  vcgencmd: 'throttled=0x0\n',
  getent: 2,
  systemctl: 'active\ninactive\ninactive\ninactive\ninactive\ninactive\ninactive\n',
}

const files: Record<string, string> = {
  '/proc/device-tree/model': model,
  '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
  '/proc/filesystems': 'nodev\tsysfs\nnodev\toverlay\n\text4\n',
  '/proc/sys/net/ipv4/ip_forward': '1\n',
  '/proc/self/mounts': '/dev/mmcblk0p2 / ext4 rw,noatime 0 0\nproc /proc proc rw 0 0\n',
  '/proc/meminfo': 'MemTotal:        3884360 kB\nMemFree: 1 kB\n',
  '/proc/swaps': 'Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n',
  '/sys/class/rtc/rtc0/name': 'x',
  '/sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
  '/sys/class/hwmon/hwmon1/in0_lcrit_alarm': '0\n',
  '/sys/class/thermal/thermal_zone0/temp': '48686\n',
  '/proc/net/tcp': '  sl  local_address rem_address   st\n   0: 00000000:22B3 00000000:0000 0A\n',
  '/usr/lib/cni/ptp': '',
  '/usr/lib/cni/host-local': '',
  '/usr/lib/cni/loopback': '',
}

/** What a card with the profile's settings has. */
export function settledFiles(): Record<string, string> {
  const profile = loadProfile(assets, 'rpi-4')
  const root = renderRoot(assets, profile, 'board').map(({ path, content }) => [path, content])
  const boot = amendBoot(assets, profile, { read: path => (path === 'config.txt' ? '' : undefined) })
  return Object.fromEntries([...root, ...boot.map(({ path, content }) => [`/boot/firmware/${path}`, content])])
}

export function fakeView(board: FakeBoard = {}): BoardView {
  const all: Record<string, string | undefined> = { ...files, ...settledFiles(), ...board.files }
  const known: Record<string, string | number | undefined> = { ...programs, ...board.programs }
  return {
    read: async path => all[path],
    list: async path => {
      const below = Object.keys(all).filter(name => name.startsWith(`${path}/`) && all[name] !== undefined)
      return [...new Set(below.map(name => name.slice(path.length + 1).split('/')[0] as string))].sort()
    },
    run: async argv => endedOf(known, argv),
    space: async () => ({ freeBytes: 20 * 1024 ** 3, totalBytes: 29 * 1024 ** 3 }),
    answers: async () => true,
    nowMs: () => Date.UTC(2026, 10, 21, 10),
    uptimeSeconds: () => 3600,
    ...{ hostname: 'kitchen', architecture: 'arm64', kernel: '6.12.47+rpt-rpi-v8', isRoot: true, assets },
    ownAddresses: () => ['192.168.1.20'],
    ...board.view,
  }
}

function endedOf(known: Record<string, string | number | undefined>, argv: string[]): Ended {
  const [whole, first = ''] = [argv.join(' '), argv[0]]
  const key = [whole, first].find(name => name in known)
  const answer = key === undefined ? 0 : known[key]
  if (answer === undefined) return { status: undefined, stdout: '', stderr: 'ENOENT' }
  return typeof answer === 'number'
    ? { status: answer, stdout: '', stderr: 'no' }
    : { status: 0, stdout: answer, stderr: '' }
}
