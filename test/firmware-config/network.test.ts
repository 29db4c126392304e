import { existsSync } from 'node:fs'
import test from 'ava'
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { renderConnections } from '../../firmware-config/render-connections.ts'
import { renderNetwork } from '../../firmware-config/render-network.ts'
import { fullSettings } from './assets.ts'
import { canUseRoot, runInRoot } from './throw-away-root.ts'

const wired: CardSettings = { board: 'rpi-4', hostname: 'attic' }

test('only a wifi has a secret, and nobody but root reads it on the board', t => {
  t.deepEqual(
    renderNetwork(wired).map(({ path }) => path),
    ['/etc/systemd/network/60-flotilla-wired.network'],
  )
  const secrets = renderNetwork(fullSettings).filter(({ content }) => content.includes(fullSettings.wifi!.key!))
  t.deepEqual(
    secrets.map(({ path, mode, secret }) => [path, mode, secret]),
    [['/etc/wpa_supplicant/wpa_supplicant-wlan0.conf', 0o600, true]],
  )
})

test('a fixed address is the wifi’s where there is one, and the wire asks the router', t => {
  const [wire = '', wifi = ''] = renderNetwork(fullSettings).map(({ content }) => content)
  t.regex(wire, /DHCP=yes/)
  t.regex(wifi, /Address=192\.0\.2\.20\/24/)
  const [only = ''] = renderNetwork({ ...wired, address: fullSettings.address! }).map(({ content }) => content)
  t.regex(only, /Address=192\.0\.2\.20\/24/)
  t.false(only.includes('DHCP=yes'))
})

test('systemd-networkd gives a board of ours its address, its way and its name servers', async t => {
  const networkd = '/usr/lib/systemd/systemd-networkd'
  if (!canUseRoot(t)) return
  if (!existsSync(networkd)) {
    t.pass(`skipped: no ${networkd}`)
    return
  }
  const { status, output } = await runInRoot({
    files: Object.fromEntries(renderNetwork(fullSettings).map(({ path, content }) => [path, content])),
    script: `
      mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
      chown -R systemd-network /run/systemd/netif
      for name in eth0 wlan0; do ip link add $name type veth peer name $name-other; ip link set $name-other up; done
      ${networkd} 2>/root/log & networkd=$!
      tries=0
      until grep -q ADDRESS_STATE=routable /run/systemd/netif/links/* 2>/dev/null || [ $tries -ge 100 ]; do sleep 0.1; tries=$((tries + 1)); done
      ip -brief -4 address show wlan0; ip route; grep -h DNS= /run/systemd/netif/links/*
      # What it did not understand it says.
      grep -i -E 'unknown|ignoring|invalid' /root/log
      kill $networkd; wait $networkd; exit 0`,
  })
  t.is(status, 0, output)
  t.regex(output, /wlan0.* 192\.0\.2\.20\/24/)
  t.regex(output, /default via 192\.0\.2\.1 dev wlan0 proto static metric 600/)
  t.regex(output, /^DNS=192\.0\.2\.53 198\.51\.100\.53$/m)
  t.notRegex(output, /unknown|ignoring|invalid/i)
})

test('wpa_supplicant takes every name of a network and both kinds', async t => {
  if (!canUseRoot(t)) return
  const open = { ...fullSettings, wifi: { ssid: '🛟 café\\', country: 'FR' } }
  const [withKey = '', without = ''] = [fullSettings, open].map(settings => renderNetwork(settings).at(-1)?.content)
  const { output } = await runInRoot({
    packages: ['wpasupplicant', 'libnl-3-200', 'libnl-genl-3-200', 'libnl-route-3-200', 'libpcsclite1', 'libdbus-1-3'],
    files: { '/root/key': withKey, '/root/open': without, '/root/broken': withKey.replace('psk=', 'psk=x') },
    script: `
      ip link add eth0 type veth peer name other
      for name in key open broken; do
        echo "FILE $name"
        # It goes on for ever with a good file, and ends with a bad one.
        wpa_supplicant -dd -D wired -i eth0 -c /root/$name >/root/log & supplicant=$!
        tries=0
        until grep -q 'Added interface' /root/log || ! kill -0 $supplicant || [ $tries -ge 100 ]; do sleep 0.1; tries=$((tries + 1)); done
        kill $supplicant; wait $supplicant
        grep -E 'id=0 ssid=|key_mgmt:|PSK - hexdump|^Line|Failed to read' /root/log
      done 2>/dev/null; exit 0`,
  })
  const [, keyed = '', opened = '', broken = ''] = output.split(/FILE \w+\n/)
  t.notRegex(keyed, /Line \d+: |Failed to read/, keyed)
  t.notRegex(opened, /Line \d+: |Failed to read/, opened)
  t.true(keyed.includes(`ssid='Ann's \\"net\\" #1 $HOME'`), keyed)
  t.regex(keyed, /PSK - hexdump\(len=32\)/)
  t.true(opened.includes(String.raw`ssid='\xf0\x9f\x9b\x9f caf\xc3\xa9\\'`), opened)
  t.false(opened.includes('PSK'))
  t.regex(broken, /Failed to read/, 'a wrong file would be found')
})

test('NetworkManager takes the connections of a stock system', async t => {
  if (!canUseRoot(t)) return
  const named = (settings: CardSettings): string => renderConnections(settings)[0]?.content ?? ''
  const cases: Record<string, CardSettings> = {
    wifi: fullSettings,
    open: { ...wired, wifi: { ssid: 'café; x', country: 'FR' } },
    wired: { ...wired, address: { ...fullSettings.address!, nameservers: ['192.0.2.53', '2001:db8::53'] } },
  }
  t.deepEqual(renderConnections(wired), [], 'the router’s address by wire needs no file')
  const { status, output } = await runInRoot({
    packages: ['network-manager', 'libnm0'],
    files: Object.fromEntries(Object.entries(cases).map(([name, settings]) => [`/root/${name}`, named(settings)])),
    script: `set -e; for name in ${Object.keys(cases).join(' ')}; do
      echo "FILE $name"; nmcli --offline connection modify connection.autoconnect yes </root/$name
    done`,
  })
  t.is(status, 0, output)
  const [, wifi = '', open = '', wire = ''] = output.split(/FILE \w+\n/)
  t.true(wifi.includes(`\nssid=${fullSettings.wifi!.ssid}\n`), wifi)
  t.true(wifi.includes(`\npsk=${'ab'.repeat(32)}\n`))
  t.regex(wifi, /^address1=192\.0\.2\.20\/24,192\.0\.2\.1$/m)
  t.regex(wifi, /^dns=192\.0\.2\.53;198\.51\.100\.53;$/m)
  t.false(open.includes('wifi-security'))
  t.true(open.includes('\nssid=99;97;102;195;169;59;32;120;\n'), open)
  t.regex(wire, /^type=ethernet$/m)
  t.regex(wire, /^method=manual$/m)
  t.regex(wire, /\[ipv4\][^[]*\ndns=192\.0\.2\.53;\n[\s\S]*\[ipv6\][^[]*\ndns=2001:db8::53;\n/)
})
