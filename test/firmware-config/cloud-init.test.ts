import test from 'ava'
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { parseYamlDocuments } from '../../contract/manifest/yaml.ts'
import { loadProfile } from '../../firmware-config/load-profile.ts'
import type { BoardName, RenderedFile } from '../../firmware-config/profile.ts'
import { cloudInitWords, renderCloudInit } from '../../firmware-config/render-cloud-init.ts'
import { assets, fullSettings } from './assets.ts'
import { canUseRoot, runInRoot } from './throw-away-root.ts'

const plain: CardSettings = { board: 'rpi-4', hostname: 'attic' }
/** cloud-init of Debian and what it imports, and netplan, which makes the network of what cloud-init hands on. */
const packages = [
  ...[
    'cloud-init',
    'python3-attr',
    'python3-chardet',
    'python3-certifi',
    'python3-configobj',
    'python3-idna',
    'python3-jinja2',
  ],
  ...['python3-json-pointer', 'python3-jsonpatch', 'python3-jsonschema', 'python3-markupsafe', 'python3-netifaces'],
  ...[
    'python3-charset-normalizer',
    'python3-oauthlib',
    'python3-pyrsistent',
    'python3-requests',
    'python3-serial',
    'python3-urllib3',
  ],
  ...['python3', 'python3-yaml', 'netplan.io', 'libnetplan0'],
]

test('the files are those that cloud-init looks for, and only the one with a key is secret', t => {
  const files = render('rpi-4', fullSettings)
  t.deepEqual(
    files.map(({ path, secret }) => [path, secret === true]),
    [
      ['meta-data', false],
      ['network-config', true],
      ['user-data', false],
      ['flotilla/install.sh', false],
    ],
  )
  t.false(files.some(({ path, content }) => path !== 'network-config' && content.includes(fullSettings.wifi!.key!)))
  t.is(
    render('rpi-4', plain).find(({ secret }) => secret),
    undefined,
  )
})

test('an instance has a name of its own for all that the card says, the same each time', t => {
  const of = (settings: CardSettings): string => cloudInitWords(settings)[0] ?? ''
  t.is(of(fullSettings), of(structuredClone(fullSettings)))
  t.regex(of(plain), /^ds=nocloud;i=flotilla-attic-[0-9a-f]{12}$/)
  const others = [
    { ...fullSettings, hostname: 'cellar' },
    { ...fullSettings, timezone: 'UTC' },
    { ...fullSettings, wifi: { ...fullSettings.wifi!, ssid: 'other' } },
  ]
  t.is(new Set([fullSettings, ...others].map(of)).size, 4)
  const { 'instance-id': id } = read(render('rpi-4', plain), 'meta-data')
  t.is(of(plain), `ds=nocloud;i=${id}`, 'the command line and the file name the same one')
})

test('without keys nobody logs in, and sshd stays off', t => {
  const { users, runcmd, ssh_pwauth } = read(render('rpi-4', plain), 'user-data')
  t.is(ssh_pwauth, false)
  t.true(
    (users as Array<Record<string, unknown>>).every(
      user => user['lock_passwd'] === true && !('ssh_authorized_keys' in user),
    ),
  )
  t.false(JSON.stringify(runcmd).includes('"ssh"'))
  t.true(JSON.stringify(read(render('rpi-4', fullSettings), 'user-data')['runcmd']).includes('"ssh"'))
})

test('cloud-init finds nothing wrong, and netplan makes the network that the card asks for', async t => {
  if (!canUseRoot(t)) return
  const cases = [
    { name: 'rpi-4-full', files: render('rpi-4', fullSettings) },
    { name: 'generic-amd64-plain', files: render('generic-amd64', plain) },
  ]
  const { status, output } = await runInRoot({
    packages,
    files: Object.fromEntries(
      cases.flatMap(({ name, files }) => files.map(({ path, content }) => [`/root/${name}/${path}`, content])),
    ),
    script: `set -e; cd /root
      for name in ${cases.map(({ name }) => name).join(' ')}; do
        cloud-init schema --config-file $name/user-data
        cloud-init devel net-convert --kind yaml -p $name/network-config -d $name/out -D debian -O netplan >/dev/null 2>&1
        chmod 600 $name/out/etc/netplan/*
        /usr/libexec/netplan/generate --root-dir $name/out 2>&1 || /usr/lib/netplan/generate --root-dir $name/out
        for file in $name/out/run/systemd/network/* $name/out/run/netplan/*; do
          [ ! -e $file ] || { echo "FILE $name/$(basename $file)"; cat $file; }
        done
      done`,
  })
  t.is(status, 0, output)
  t.is(output.match(/Valid cloud-config/g)?.length, cases.length, output)
  const made = new Map(output.split('FILE ').map(part => [part.split('\n')[0] ?? '', part]))
  const wireless = made.get('rpi-4-full/10-netplan-wlan0.network') ?? output
  for (const line of ['Address=192.0.2.20/24', 'Gateway=192.0.2.1', 'DNS=198.51.100.53', 'RequiredForOnline=no'])
    t.true(wireless.includes(line), line)
  const supplicant = made.get('rpi-4-full/wpa-wlan0.conf') ?? output
  // In quotes it would be taken for a passphrase, which no 64 characters are.
  t.regex(supplicant, new RegExp(`^  psk=${'ab'.repeat(32)}$`, 'm'))
  t.regex(supplicant, /^country=DE$/m)
  t.regex(made.get('rpi-4-full/10-netplan-eth0.network') ?? output, /Name=eth0[\s\S]*DHCP=ipv4/)
  t.regex(made.get('generic-amd64-plain/10-netplan-wired.network') ?? output, /Name=e\*[\s\S]*DHCP=ipv4/)
  t.false(made.has('generic-amd64-plain/wpa-wlan0.conf'))
})

/** Of Debian's configuration what has to do with a card, and where Raspberry Pi OS has cloud-init look. */
const cloudConfig = `datasource_list: [NoCloud, None]
datasource: {NoCloud: {seedfrom: 'file:///boot/firmware/'}}
cloud_init_modules: [bootcmd, set_hostname, update_etc_hosts, users-groups]
cloud_config_modules: [timezone, runcmd]
cloud_final_modules: [scripts-user]
system_info: {distro: debian, default_user: {name: debian}, paths: {cloud_dir: /var/lib/cloud/, templates_dir: /etc/cloud/templates/}}
`

test('cloud-init makes a stock system the board that the card names, and begins again where the power went', async t => {
  if (!canUseRoot(t)) return
  const stages = 'cloud-init init --local; cloud-init init'
  const { status, output } = await runInRoot({
    packages,
    files: {
      ...Object.fromEntries(
        render('rpi-4', fullSettings).map(({ path, content }) => [`/boot/firmware/${path}`, content]),
      ),
      '/boot/firmware/flotilla/flotilla.deb': '',
      '/etc/cloud/cloud.cfg': cloudConfig,
      '/root/cmdline': `console=tty1 ${cloudInitWords(fullSettings).join(' ')} quiet\n`,
      '/usr/local/bin/systemctl': '#!/bin/sh\necho "systemctl $*" >>/root/calls\n',
    },
    script: `
      mount --bind /root/cmdline /proc/cmdline
      (${stages}; cloud-init modules --mode config; cloud-init modules --mode final) >/root/log 2>&1
      grep -E 'WARN|ERROR|Traceback' /var/log/cloud-init.log
      echo "instance: $(cat /var/lib/cloud/data/instance-id)"
      echo "name: $(cat /etc/hostname) $(hostname) $(grep -c kitchen /etc/hosts)"
      echo "zone: $(readlink /etc/localtime)"
      echo "admin: $(id -nG admin), $(passwd --status admin | cut -d' ' -f2)"
      cat /home/admin/.ssh/authorized_keys /root/calls; : >/root/calls
      echo "debian: $(id -u debian 2>/dev/null)"
      (${stages}) >/root/log 2>&1
      echo AGAIN; cat /root/calls; rm /boot/firmware/flotilla/flotilla.deb; : >/root/calls
      (${stages}) >/root/log 2>&1
      echo DONE; cat /root/calls`,
  })
  t.is(status, 0, output)
  const [first = '', again = '', done] = output.split(/AGAIN\n|DONE\n/)
  t.notRegex(first, /WARN|ERROR|Traceback/)
  t.true(cloudInitWords(fullSettings)[0]?.endsWith(/^instance: (.*)$/m.exec(first)?.[1] ?? 'none'), first)
  t.regex(first, /^name: kitchen kitchen 1$/m)
  t.regex(first, /^zone: \/usr\/share\/zoneinfo\/Europe\/Berlin$/m)
  t.regex(first, /^admin: admin .*\bsudo\b.*, L$/m, 'no password opens the account')
  t.regex(first, /^debian: $/m, 'nor is there another one')
  for (const key of fullSettings.sshKeys!) t.true(first.includes(`\n${key}\n`), key)
  const start = /^systemctl start --no-block flotilla-install\.service$/m
  t.regex(first, start)
  t.regex(first, /^systemctl enable --now ssh$/m)
  t.regex(again, start)
  t.notRegex(done ?? '', start, 'once the package is in there is nothing to start')
})

function render(board: BoardName, settings: CardSettings): RenderedFile[] {
  return renderCloudInit(assets, loadProfile(assets, board), settings)
}

function read(files: RenderedFile[], path: string): Record<string, unknown> {
  const content = files.find(file => file.path === path)?.content ?? ''
  return parseYamlDocuments(content, path).documents[0]?.value as Record<string, unknown>
}
