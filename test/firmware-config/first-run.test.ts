import test from 'ava'
import { renderYaml } from '../../contract/manifest/yaml.ts'
import { amendBoot } from '../../firmware-config/amend-boot.ts'
import { loadProfile } from '../../firmware-config/load-profile.ts'
import { firstRunWords, renderFirstRun } from '../../firmware-config/render-first-run.ts'
import { assets, fullSettings } from './assets.ts'
import { canUseRoot, runInRoot } from './throw-away-root.ts'

const profile = loadProfile(assets, 'rpi-4')
const stockLine =
  'console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 fsck.repair=yes rootwait quiet'
const stock = { 'cmdline.txt': `${stockLine}\n`, 'config.txt': 'dtparam=audio=on\n' }

/** The boot partition as flash leaves it. */
const boot = Object.fromEntries(
  [
    ...Object.entries(stock).map(([path, content]) => ({ path, content })),
    ...amendBoot(assets, profile, {
      read: path => stock[path as keyof typeof stock],
      words: firstRunWords(fullSettings),
    }),
    ...renderFirstRun(assets, profile, fullSettings),
    { path: 'flotilla/flotilla.deb', content: '' },
    { path: 'flotilla/card.yaml', content: renderYaml(fullSettings) },
  ].map(({ path, content }) => [`/boot/firmware/${path}`, content]),
)

test('nothing but the connection holds the key of the wifi', t => {
  const secrets = renderFirstRun(assets, profile, fullSettings).filter(({ content }) =>
    content.includes(fullSettings.wifi!.key!),
  )
  t.deepEqual(
    secrets.map(({ path, secret }) => [path, secret]),
    [['flotilla/firstrun/flotilla-wifi.nmconnection', true]],
  )
})

test('the words on the command line start the script that is there, and it takes away just these', t => {
  const words = firstRunWords(fullSettings)
  const script = words.find(word => word.startsWith('systemd.run='))?.slice('systemd.run='.length) ?? ''
  t.true(boot[script]?.startsWith('#!/bin/sh\n'), 'it is run by itself, not by a shell')
  t.true(words.includes('systemd.unit=kernel-command-line.target'))
  t.true(words.includes('systemd.run_failure_action=none'), 'the script counts its failures, systemd does not')
})

test('a stock system becomes the board that the card names', async t => {
  if (!canUseRoot(t)) return
  const { status, output } = await runInRoot({
    files: {
      ...boot,
      // The disks of this machine are busy with other things.
      '/usr/local/bin/sync': '#!/bin/sh\n',
      '/var/lib/systemd/rfkill/platform-x:wlan': '1\n',
      '/var/lib/NetworkManager/NetworkManager.state': '[main]\nWirelessEnabled=false\n',
      '/etc/systemd/system/userconfig.service':
        '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n',
      '/lib/systemd/system/ssh.service': '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n',
    },
    script: `set -e
      printf '127.0.0.1\\tlocalhost\\n127.0.1.1\\traspberrypi\\n' >/etc/hosts
      systemctl enable userconfig.service 2>/dev/null
      chmod 755 /boot/firmware/flotilla/firstrun.sh
      /boot/firmware/flotilla/firstrun.sh 2>&1
      echo "name: $(cat /etc/hostname) $(grep -c kitchen /etc/hosts) $(grep -c raspberrypi /etc/hosts)"
      echo "zone: $(readlink /etc/localtime)"
      echo "groups: $(id -nG admin) $(passwd --status admin | cut -d' ' -f2)"
      echo "keys: $(stat -c '%U %a' /home/admin/.ssh /home/admin/.ssh/authorized_keys | tr '\\n' ' ')"
      cat /home/admin/.ssh/authorized_keys
      echo "connection: $(stat -c '%U %a' /etc/NetworkManager/system-connections/flotilla-wifi.nmconnection)"
      echo "radio: $(cat /var/lib/systemd/rfkill/platform-x:wlan) $(tail -n 1 /var/lib/NetworkManager/NetworkManager.state)"
      echo "line: $(cat /boot/firmware/cmdline.txt)"
      for unit in ssh userconfig flotilla-install; do echo "$unit: $(systemctl is-enabled $unit || true)"; done
      echo "left: $(ls /boot/firmware/flotilla | tr '\\n' ' ')"`,
  })
  t.is(status, 0, output)
  const lines = new Map(output.split('\n').map(line => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]))
  t.is(lines.get('name'), 'kitchen 1 0')
  t.is(lines.get('zone'), '/usr/share/zoneinfo/Europe/Berlin')
  t.regex(lines.get('groups') ?? '', /\badmin\b.*\bsudo\b.* L$/, 'no password opens the account')
  t.is(lines.get('keys'), 'admin 700 admin 600 ')
  for (const key of fullSettings.sshKeys!) t.true(output.includes(`\n${key}\n`), key)
  t.is(lines.get('connection'), 'root 600')
  t.is(lines.get('radio'), '0 WirelessEnabled=true')
  t.is(lines.get('line'), `${stockLine} cgroup_enable=memory panic=10 cfg80211.ieee80211_regdom=DE`)
  t.deepEqual(
    [lines.get('ssh'), lines.get('userconfig'), lines.get('flotilla-install')],
    ['enabled', 'disabled', 'enabled'],
  )
  t.is(lines.get('left'), 'card.yaml flotilla.deb install.sh ')
})

test('what fails for good is tried three times, and then the stock system starts as it is', async t => {
  if (!canUseRoot(t)) return
  const { status, output } = await runInRoot({
    files: {
      ...boot,
      '/usr/local/bin/sync': '#!/bin/sh\n',
      '/root/bin/systemctl': '#!/bin/sh\necho "systemctl $*"\n',
      '/root/bin/install': '#!/bin/sh\necho "install is broken" >&2\nexit 1\n',
      '/etc/hosts': '127.0.0.1 localhost\n',
    },
    script: `
      export PATH=/root/bin:$PATH
      start() { sh /boot/firmware/flotilla/firstrun.sh 2>&1 | sed "s/^/$1: /"; }
      for turn in 1 2 3; do start $turn; grep -c systemd.run= /boot/firmware/cmdline.txt; done
      cat /boot/firmware/cmdline.txt /boot/firmware/flotilla/status.txt
      echo "kept: $(ls /boot/firmware/flotilla | tr '\\n' ' ')"
      # Whoever calls it by hand and fails is not thrown out of the system.
      start hand
      # Nor is the system kept from starting by a card that cannot be written to.
      printf 'systemd.run=x\\n' >/boot/firmware/cmdline.txt; mount --bind /boot/firmware /boot/firmware
      mount -o remount,bind,ro /boot/firmware; start readonly
      # What was broken is mended.
      mount -o remount,bind,rw /boot/firmware; rm /root/bin/install; start mended
      ls /var/lib/flotilla-firstrun.failures 2>&1; grep -c systemd.run= /boot/firmware/cmdline.txt`,
  })
  const said = (start: string): string[] =>
    output.split('\n').flatMap(line => (line.startsWith(`${start}: `) ? line.slice(start.length + 2) : []))
  t.deepEqual(
    ['1', '2', '3', 'hand', 'readonly'].map(start =>
      said(start).filter(line => line.startsWith('systemctl --no-block')),
    ),
    [
      ...Array(2).fill(['systemctl --no-block reboot']),
      ...Array(3).fill(['systemctl --no-block start multi-user.target']),
    ],
    output,
  )
  t.true(said('1').includes('flotilla: make_admin has failed, going on'), output)
  t.true(output.includes(`\n${stockLine} cgroup_enable=memory panic=10 cfg80211.ieee80211_regdom=DE\n`), output)
  t.true(output.includes('\ncannot set this system up from the card: what failed is told by: sudo sh /boot/'), output)
  t.regex(output, /kept: card\.yaml firstrun firstrun\.sh flotilla\.deb install\.sh status\.txt/)
  t.regex(output, /No such file or directory\n0\n$/, 'in the end nothing of it is left')
  t.is(status, 1, output)
})

/** Programs that the scripts start, in the order of nothing: each may be the last one before the power goes. */
const programs = [
  'cat',
  'chmod',
  'cut',
  'dirname',
  'getent',
  'install',
  'ln',
  'mkdir',
  'mv',
  'rfkill',
  'rm',
  'sed',
  'sync',
]

test('wherever the power goes, the next start ends as if it had not', async t => {
  if (!canUseRoot(t)) return
  const { status, output } = await runInRoot({
    files: {
      ...Object.fromEntries(
        Object.entries(boot).map(([path, content]) => [path.replace('/boot/firmware', '/root/card'), content]),
      ),
      // Counts, and at its turn takes along all that runs with it.
      '/root/cutter': `#!/bin/sh
        read n </root/count; read turn </root/turn
        n=$((n + 1)); echo $n >/root/count
        [ $n != "$turn" ] || kill -9 0
        # That one would wait for the disks of this machine.
        [ "\${0##*/}" != sync ] || exit 0
        exec "/usr/bin/\${0##*/}" "$@"\n`,
      ...Object.fromEntries(
        ['systemctl', 'apt-get', 'dpkg', 'ip', 'timedatectl'].map(name => [
          `/root/bin/${name}`,
          '#!/bin/sh\necho yes\n',
        ]),
      ),
    },
    script: `
      useradd --create-home admin
      for name in ${programs.join(' ')}; do ln -s /root/cutter /root/bin/$name; done
      path=$PATH
      # As the kernel and systemd would: the script for as long as the command line names it, and then the installer.
      start() {
        if grep -q systemd.run= /root/board/boot/cmdline.txt; then PATH=/root/bin:$path setsid --wait sh /root/board/boot/flotilla/firstrun.sh
        else PATH=/root/bin:$path setsid --wait sh /root/board/boot/flotilla/install.sh; fi
      }
      # A board that starts until there is nothing left to do; the power goes once, before the program of this number.
      run() {
        rm -rf /root/board; mkdir -p /root/board/etc /root/board/var/lib/systemd/rfkill /root/board/usr/share/zoneinfo/Europe
        mkdir -p /root/board/etc/systemd/system; touch /root/board/usr/share/zoneinfo/Europe/Berlin
        cp -r /root/card /root/board/boot
        printf '127.0.1.1\\told\\n' >/root/board/etc/hosts
        echo 0 >/root/count; echo "$1" >/root/turn
        for boot in 1 2 3 4; do [ ! -e /root/board/boot/flotilla/flotilla.deb ] || start; done >/root/log 2>&1
        start >>/root/log 2>&1
        (cd /root/board && find . -type f -exec stat -c '%n %a' {} + -exec sha256sum {} + | sort)
      }
      export FLOTILLA_ROOT=/root/board
      run never >/root/want; total=$(cat /root/count)
      echo "total: $total"; cat /root/want
      for turn in $(seq 1 $total); do
        run $turn >/root/got
        cmp -s /root/want /root/got || { echo "DIFFERS at $turn"; diff /root/want /root/got; }
      done; exit 0`,
  })
  t.is(status, 0, output)
  const total = Number(/total: (\d+)/.exec(output)?.[1])
  t.log(`${total} power cuts`)
  t.true(total > 30, output)
  t.true(output.includes('./etc/NetworkManager/system-connections/flotilla-wifi.nmconnection 600'), output)
  t.false(/\.\/boot\/flotilla\/(firstrun|flotilla\.deb)/.test(output), 'what a card is to forget it has forgotten')
  t.notRegex(output, /DIFFERS/)
})
