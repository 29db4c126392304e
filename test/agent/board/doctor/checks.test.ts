import test from 'ava'
import type { Level } from '../../../../agent/board/doctor/check.ts'
import { allChecks } from '../../../../agent/board/doctor/checks.ts'
import { examineBoard } from '../../../../agent/board/doctor/doctor.ts'
import { amendBoot } from '../../../../firmware-config/amend-boot.ts'
import { loadProfile } from '../../../../firmware-config/load-profile.ts'
import { assets, type FakeBoard, fakeView, settledFiles } from './fake-view.ts'

interface Case extends FakeBoard {
  check: string
  level: Level
  found: RegExp
  fix?: RegExp
}

test('a Raspberry Pi that is set up is well in everything', async t => {
  const examined = await examineBoard(fakeView(), allChecks)
  t.deepEqual(
    examined.filter(({ level }) => level !== 'ok'),
    [],
  )
  t.is(examined.length, allChecks.length)
})

const cgroups = '/sys/fs/cgroup/cgroup.controllers'
const services = (...states: string[]): string => `${states.join('\n')}\n`

/** A boot partition with this command line, and what the profile adds to it. */
function bootOf(commandLine: string): Record<string, string> {
  const files: Record<string, string> = { 'config.txt': '', 'cmdline.txt': commandLine }
  const amended = amendBoot(assets, loadProfile(assets, 'rpi-4'), { read: path => files[path] })
  return Object.fromEntries(amended.map(({ path, content }) => [`/boot/firmware/${path}`, content]))
}

const cases: Record<string, Case> = {
  'a processor that we have no program for': {
    ...{ check: 'board', level: 'failure', found: /riscv64/ },
    view: { architecture: 'riscv64' },
  },
  'an old kernel': { check: 'board', level: 'failure', found: /4\.19\.0/, view: { kernel: '4.19.0-26-arm64' } },
  'a 32-bit system': { check: 'board', level: 'warning', found: /arm,/, view: { architecture: 'arm' }, fix: /64-bit/ },
  'a Pi whose firmware switches the memory cgroup off': {
    ...{ check: 'limits', level: 'failure', found: /no control of memory/, fix: /cgroup_enable=memory to cmdline.txt/ },
    files: {
      [cgroups]: 'cpuset cpu io pids\n',
      '/boot/firmware/cmdline.txt': 'console=tty1 root=PARTUUID=1-02 rootwait\n',
    },
  },
  'a Pi that was mended and not restarted': {
    ...{ check: 'limits', level: 'failure', found: /no control of memory/, fix: /^restart this board/ },
    files: { [cgroups]: 'cpuset cpu io pids\n', '/proc/cmdline': 'console=tty1\n', ...bootOf('console=tty1\n') },
  },
  'a Pi whose kernel heeds no word': {
    ...{ check: 'limits', level: 'failure', found: /no control of memory/, fix: /a kernel with the memory cgroup/ },
    files: { [cgroups]: 'cpu pids\n', '/proc/cmdline': 'cgroup_enable=memory\n', ...bootOf('console=tty1\n') },
  },
  'another board without the memory cgroup': {
    ...{ check: 'limits', level: 'failure', found: /no control of memory/, fix: /a kernel with the memory cgroup/ },
    files: { [cgroups]: 'cpu pids', '/proc/device-tree/model': undefined, '/boot/firmware/config.txt': undefined },
  },
  'a Pi with cgroup v1 whose firmware switches the memory cgroup off': {
    ...{
      check: 'limits',
      level: 'failure',
      found: /no control of memory$/,
      fix: /cgroup_enable=memory to cmdline.txt/,
    },
    files: Object.fromEntries([
      [cgroups, undefined],
      ...['cpu', 'pids'].map(name => [`/sys/fs/cgroup/${name}/x`, '']),
      ['/boot/firmware/cmdline.txt', 'console=tty1 root=PARTUUID=1-02 rootwait\n'],
    ]),
  },
  'cgroup v1': {
    ...{ check: 'limits', level: 'warning', found: /cgroup v1/ },
    files: Object.fromEntries([
      [cgroups, undefined],
      ...['cpu', 'memory', 'pids'].map(name => [`/sys/fs/cgroup/${name}/x`, '']),
    ]),
  },
  'a kernel without veth': {
    ...{ check: 'kernel', level: 'failure', found: /no veth \(networks of pods\)/, fix: /modprobe -a veth/ },
    programs: { 'unshare --net ip link add flt0 type veth peer name flt1': 2 },
  },
  'a kernel without vxlan': {
    ...{ check: 'kernel', level: 'warning', found: /no vxlan/ },
    programs: { 'unshare --net ip link add flt0 type vxlan id 1 dstport 4789': 2 },
  },
  'a kernel without overlay': {
    ...{ check: 'kernel', level: 'failure', found: /no overlay/ },
    files: { '/proc/filesystems': '\text4\n' },
    programs: { 'modprobe --dry-run --quiet overlay': 1 },
  },
  'no root to try, and a module that is not there': {
    ...{ check: 'kernel', level: 'warning', found: /perhaps the kernel has no veth/, fix: /sudo/ },
    programs: { 'modprobe --dry-run --quiet veth': 1 },
    view: { isRoot: false },
  },
  'a container whose root is confined': {
    ...{ check: 'kernel', level: 'failure', found: /not even root may make a network/, fix: /privileged container/ },
    programs: { unshare: 1 },
  },
  'no ip to try with, and modules that are there': {
    ...{ check: 'kernel', level: 'ok', found: /veth/ },
    programs: { unshare: 127 },
  },
  'no conntrack, no plugins': {
    ...{ check: 'programs', level: 'failure', found: /conntrack, CNI plugin ptp/ },
    ...{ fix: /apt-get install -y conntrack containernetworking-plugins/, programs: { conntrack: undefined } },
    files: { '/usr/lib/cni/ptp': undefined },
  },
  'no containerd': {
    ...{ check: 'containerd', level: 'failure', found: /not installed/, fix: /apt-get install -y containerd/ },
    programs: { containerd: undefined },
  },
  'an old containerd': {
    ...{ check: 'containerd', level: 'failure', found: /1\.4\.13/ },
    programs: { containerd: 'containerd github.com/containerd/containerd 1.4.13~ds1' },
  },
  'a containerd that is not running': {
    ...{ check: 'containerd', level: 'failure', found: /does not answer/, fix: /systemctl enable --now containerd/ },
    view: { answers: async () => false },
  },
  "Docker's containerd": {
    ...{ check: 'containerd', level: 'failure', found: /CRI plugin switched off/, fix: /disabled_plugins/ },
    files: {
      '/etc/systemd/system/containerd.service.d/60-flotilla.conf': undefined,
      '/etc/containerd/config.toml': '# x\ndisabled_plugins = ["cri"]\n',
    },
  },
  'a root that is read-only': {
    ...{ check: 'disk', level: 'failure', found: /ext4 at \//, fix: /dmesg/ },
    files: { '/proc/self/mounts': '/dev/mmcblk0p2 / ext4 ro,noatime 0 0\n' },
  },
  'a root that is an overlay in memory': {
    ...{ check: 'disk', level: 'failure', found: /overlay at \//, fix: /disable_overlayfs/ },
    files: { '/proc/self/mounts': '/dev/x /media/root-ro ext4 ro 0 0\noverlay / overlay rw 0 0\n' },
  },
  'an overlay with a disk for containers': {
    ...{ check: 'disk', level: 'ok', found: /ext4 at \/var\/lib\/containerd/ },
    files: { '/proc/self/mounts': 'overlay / overlay rw 0 0\n/dev/sda1 /var/lib/containerd ext4 rw 0 0\n' },
  },
  'a full card': {
    ...{ check: 'disk', level: 'failure', found: /0\.2 GiB of 3\.0 GiB free/ },
    view: { space: async () => ({ freeBytes: 0.2 * 1024 ** 3, totalBytes: 3 * 1024 ** 3 }) },
  },
  'a worn card': {
    ...{ check: 'disk', level: 'warning', found: /free/, fix: /copy it/ },
    files: { '/sys/block/mmcblk0/device/life_time': '0x02 0x0a\n' },
  },
  'the name of every new Pi': {
    check: 'name',
    level: 'warning',
    found: /^raspberrypi$/,
    view: { hostname: 'raspberrypi' },
  },
  'a name that is no node’s': { check: 'name', level: 'failure', found: /my_pi/, view: { hostname: 'my_pi' } },
  'a name that another board has': {
    ...{ check: 'name', level: 'warning', found: /as is 192\.168\.1\.33$/ },
    programs: { getent: '192.168.1.33 STREAM kitchen.local\n192.168.1.20 STREAM kitchen.local\n' },
  },
  'little memory': {
    check: 'memory',
    level: 'warning',
    found: /244 MiB/,
    files: { '/proc/meminfo': 'MemTotal: 249856 kB\n' },
  },
  'swap on the card': {
    ...{ check: 'memory', level: 'warning', found: /swap on \/var\/swap/, fix: /dphys-swapfile/ },
    files: { '/proc/swaps': 'Filename\n/var/swap file 1 0 -2\n' },
  },
  'no forwarding': {
    check: 'forwarding',
    level: 'warning',
    found: /off/,
    files: { '/proc/sys/net/ipv4/ip_forward': '0\n' },
  },
  '1970': {
    check: 'clock',
    level: 'warning',
    found: /1970-01-01/,
    view: { nowMs: () => 1000 },
    files: { '/sys/class/rtc/rtc0/name': undefined },
  },
  'a clock that nobody keeps': {
    check: 'clock',
    level: 'warning',
    found: /not synchronised/,
    programs: { timedatectl: 'no\n' },
  },
  'too little voltage now': {
    ...{ check: 'power', level: 'warning', found: /too little voltage$/ },
    files: { '/sys/class/hwmon/hwmon1/in0_lcrit_alarm': '1\n' },
  },
  'too little voltage before': {
    check: 'power',
    level: 'warning',
    found: /since the last start/,
    programs: { vcgencmd: 'throttled=0x50000' },
  },
  'a Pi whose kernel has no sensor, and whose firmware says that all is well': {
    ...{ check: 'power', level: 'ok', found: /^enough$/ },
    files: { '/sys/class/hwmon/hwmon1/name': undefined, '/sys/class/hwmon/hwmon1/in0_lcrit_alarm': undefined },
  },
  'a board that has neither a sensor nor such a firmware': {
    ...{ check: 'power', level: 'ok', found: /does not tell/ },
    files: { '/sys/class/hwmon/hwmon1/name': undefined, '/sys/class/hwmon/hwmon1/in0_lcrit_alarm': undefined },
    programs: { vcgencmd: undefined },
  },
  'a board that is throttled': {
    check: 'power',
    level: 'warning',
    found: /slowed down/,
    programs: { vcgencmd: 'throttled=0x4' },
  },
  'a hot board': {
    check: 'temperature',
    level: 'warning',
    found: /84 °C/,
    files: { '/sys/class/thermal/thermal_zone0/temp': '84100' },
  },
  'a listener in the range of node ports': {
    ...{ check: 'ports', level: 'warning', found: /listens on 30080/ },
    files: { '/proc/net/tcp6': 'sl\n 0: 0:7580 0:0 0A\n 1: 0:7581 0:0 01\n' },
  },
  'an agent that failed': {
    ...{ check: 'services', level: 'warning', found: /failed: flotilla-agent/, fix: /journalctl -u flotilla-agent/ },
    programs: { systemctl: services('failed', ...Array(6).fill('inactive')) },
  },
  'another cluster on the board': {
    ...{ check: 'services', level: 'warning', found: /k3s\.service runs here/ },
    programs: { systemctl: services('inactive', 'inactive', 'inactive', 'inactive', 'active', 'inactive', 'inactive') },
  },
  'settings that are not applied': {
    ...{ check: 'settings', level: 'warning', found: /sysctl\.d\/60-flotilla\.conf/ },
    files: { '/etc/sysctl.d/60-flotilla.conf': undefined },
  },
  "containerd's own configuration": {
    ...{ check: 'settings', level: 'warning', found: /containerd/, fix: /containerd then reads ours and not yours/ },
    files: { '/etc/systemd/system/containerd.service.d/60-flotilla.conf': undefined },
  },
  'settings that the owner has changed': {
    ...{ check: 'settings', level: 'ok', found: /1 of them changed/ },
    files: { '/etc/sysctl.d/60-flotilla.conf': 'net.ipv4.ip_forward = 1\n' },
  },
}

for (const [name, { check, level, found, fix, ...board }] of Object.entries(cases)) {
  test(`${name}: ${level}`, async t => {
    const wanted = allChecks.filter(candidate => candidate.name === check)
    const [finding] = await examineBoard(fakeView(board), wanted)
    t.is(finding?.level, level, JSON.stringify(finding))
    t.regex(finding?.found ?? '', found)
    if (fix) t.regex(finding?.fix ?? '', fix)
    if (level !== 'ok') t.truthy(finding?.why && finding.fix, 'whoever reads it learns why it matters and what to do')
  })
}

test('what cannot be looked at is a warning, and the others are looked at', async t => {
  const view = fakeView({ view: { answers: () => Promise.reject(new Error('the disk is gone')) } })
  const examined = await examineBoard(view, allChecks)
  t.like(
    examined.find(({ name }) => name === 'containerd'),
    { level: 'warning', found: 'cannot tell', why: 'the disk is gone' },
  )
  t.is(examined.length, allChecks.length)
})

test('a bare Raspberry Pi is told all of its profile', async t => {
  const bare = Object.fromEntries(Object.keys(settledFiles()).map(path => [path, undefined]))
  const files = {
    ...bare,
    '/boot/firmware/config.txt': 'dtparam=audio=on\n',
    '/boot/firmware/cmdline.txt': 'console=tty1\n',
  }
  const examined = await examineBoard(fakeView({ files }), allChecks)
  const repairs = examined.flatMap(finding => finding.repairs ?? [])
  const written = repairs.flatMap(repair => (repair.do === 'write' ? [repair.path] : []))
  t.true(written.includes('/boot/firmware/cmdline.txt'))
  t.true(written.length > 5)
  const commandLine = repairs.find(repair => repair.do === 'write' && repair.path.endsWith('cmdline.txt'))
  t.regex(JSON.stringify(commandLine), /console=tty1.*cgroup_enable=memory/, "the owner's own words stay")
})
