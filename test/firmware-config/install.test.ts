import test from 'ava'
import { readStock } from '../../firmware-config/render-stock.ts'
import { assets } from './assets.ts'
import { canUseRoot, runInRoot } from './throw-away-root.ts'

const folder = '/boot/firmware/flotilla'
/** The machine's own, but that there is no systemd to speak to: what it is asked is written down. */
const stubs = {
  '/usr/local/bin/systemctl': '#!/bin/sh\necho "systemctl $*" >>/root/calls\nexec /usr/bin/systemctl "$@"\n',
  // It would wait for the disks of this machine.
  '/usr/local/bin/sync': '#!/bin/sh\n',
  '/usr/local/bin/timedatectl': '#!/bin/sh\necho yes\n',
  '/usr/local/bin/ip': '#!/bin/sh\ncat /root/route 2>/dev/null\n',
}
/** Stands for the Debian package, on real apt and dpkg. Its script dies with dpkg, as by a power cut, as long as /root/cut is there. */
const makePackage = `
  rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
  mkdir -p /root/package/DEBIAN /root/package/usr/lib/systemd/system
  printf 'Package: flotilla\\nVersion: 0.0.1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n%s' "$DEPENDS" >/root/package/DEBIAN/control
  printf '#!/bin/sh\\n[ ! -e /root/cut ] || { rm /root/cut; kill -9 $PPID; }\\n' >/root/package/DEBIAN/postinst
  chmod 755 /root/package/DEBIAN/postinst
  printf '[Service]\\nExecStart=/bin/true\\n' >/root/package/usr/lib/systemd/system/flotilla-first-boot.service
  dpkg-deb --build /root/package ${folder}/flotilla.deb >/dev/null
  echo default >/root/route
`
const files = { ...stubs, [`${folder}/install.sh`]: readStock(assets, 'install.sh') }
const tell = `
  echo "package: $(dpkg-query --show --showformat='\${db:Status-Abbrev}' flotilla 2>/dev/null)"
  echo "status: $(cat ${folder}/status.txt 2>/dev/null)"
  echo "unit: $(ls /etc/systemd/system/flotilla-install.service /etc/systemd/system/*.wants/flotilla-install.service 2>/dev/null | wc -l)"
  echo "left: $(ls ${folder} | tr '\\n' ' ')"
`

test('the package is installed by systemd, the first start begins, and nothing of the installer is left', async t => {
  if (!canUseRoot(t)) return
  const { status, output } = await runInRoot({
    files,
    script: `set -e
      ${makePackage}
      sh ${folder}/install.sh --start >/root/log 2>&1
      systemd-analyze verify --man=no flotilla-install.service 2>&1
      echo BEFORE; ${tell}
      sh ${folder}/install.sh >>/root/log 2>&1
      echo AFTER; ${tell}
      sh ${folder}/install.sh --start
      echo AGAIN; ${tell}
      cat /root/calls`,
  })
  t.is(status, 0, output)
  const [before = '', after = '', again = ''] = output.split(/BEFORE\n|AFTER\n|AGAIN\n/).slice(1)
  t.is(before, 'package: \nstatus: \nunit: 2\nleft: flotilla.deb install.sh \n')
  t.is(after, 'package: ii \nstatus: installed\nunit: 0\nleft: install.sh status.txt \n')
  t.true(again.startsWith(after), 'a later start finds nothing to do')
  t.regex(output, /systemctl start --no-block flotilla-install\.service/)
  t.regex(output, /systemctl start --no-block flotilla-first-boot\.service/)
})

test('a power cut while dpkg is at work is mended at the next start', async t => {
  if (!canUseRoot(t)) return
  const { status, output } = await runInRoot({
    files,
    script: `${makePackage}
      touch /root/cut
      sh ${folder}/install.sh --enable >/root/log 2>&1
      sh ${folder}/install.sh >>/root/log 2>&1; echo "ended: $?"
      ${tell}
      sh ${folder}/install.sh >>/root/log 2>&1; echo "ended: $?"
      ${tell}`,
  })
  t.is(status, 0, output)
  const [, first = '', second = ''] = output.split('ended: ')
  t.regex(first, /^[1-9]/, 'systemd sees that it has to begin again')
  t.regex(first, /status: cannot install Flotilla: /)
  t.regex(first, /unit: 2\nleft: flotilla\.deb install\.sh/)
  t.is(second, '0\npackage: ii \nstatus: installed\nunit: 0\nleft: install.sh status.txt \n')
})

test('the radio is on before a network is waited for, and only for a card that names a wifi', async t => {
  if (!canUseRoot(t)) return
  const { status, output } = await runInRoot({
    files: {
      ...files,
      '/usr/local/bin/nmcli': '#!/bin/sh\necho "nmcli $*" >>/root/calls\n',
      '/var/lib/NetworkManager/NetworkManager.state': '[main]\nWirelessEnabled=false\n',
      [`${folder}/flotilla.deb`]: '',
      [`${folder}/card.yaml`]: 'board: rpi-4\n',
    },
    script: `
      show() { echo "$1: $(grep -c nmcli /root/calls) $(grep Wireless /var/lib/NetworkManager/NetworkManager.state)"; }
      sh ${folder}/install.sh --start >/root/log 2>&1; show wired
      printf 'wifi:\\n  ssid: Home\\n' >>${folder}/card.yaml
      sh ${folder}/install.sh --start >/root/log 2>&1; show wifi
      cat /root/calls`,
  })
  t.is(status, 0, output)
  t.regex(output, /^wired: 0 WirelessEnabled=false\nwifi: 1 WirelessEnabled=true\n/)
  t.regex(output, /nmcli radio wifi on\n.*systemctl start --no-block flotilla-install/s)
})

test('a card that cannot be written to is not installed from for ever', async t => {
  if (!canUseRoot(t)) return
  const { status, output } = await runInRoot({
    files: { ...files, [`${folder}/firstrun/hostname`]: 'attic\n' },
    script: `${makePackage}
      sh ${folder}/install.sh --enable >/root/log 2>&1
      mount --bind /boot/firmware /boot/firmware; mount -o remount,bind,ro /boot/firmware
      sh ${folder}/install.sh >>/root/log 2>&1; echo "ended: $?"
      ${tell}
      cat /root/calls`,
  })
  t.is(status, 0, output)
  t.regex(output, /^ended: 0\npackage: ii \nstatus: \nunit: 0\n/)
  t.regex(output, /systemctl start --no-block flotilla-first-boot\.service/)
})

test('without a way to what is needed it says so, and keeps what it needs to try again', async t => {
  if (!canUseRoot(t)) return
  const { output } = await runInRoot({
    files,
    script: `DEPENDS='Depends: containerd-of-another-world
' ; ${makePackage}
      echo 'deb http://127.0.0.1:9/debian nowhere main' >/etc/apt/sources.list
      echo 'Acquire::Retries "0";' >/etc/apt/apt.conf.d/99-test
      : >/root/route
      FLOTILLA_WAIT_SECONDS=2 sh ${folder}/install.sh --enable >/root/log 2>&1
      FLOTILLA_WAIT_SECONDS=2 sh ${folder}/install.sh >>/root/log 2>&1; echo "ended: $?"
      grep '^flotilla:' /root/log
      ${tell}`,
  })
  t.regex(output, /ended: 1/)
  t.regex(
    output,
    /flotilla: waiting for a network\nflotilla: installing Flotilla/,
    'a network that is not seen is tried all the same',
  )
  t.regex(output, /status: cannot install Flotilla: apt has failed .*is there a way to the internet\?/)
  t.regex(output, /unit: 2\nleft: flotilla\.deb install\.sh/)
})
