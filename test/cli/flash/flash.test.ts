import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parseCardSettings } from '../../../contract/card/read-card.ts'
import { deriveWifiKey } from '../../../contract/card/wifi-key.ts'
import { isExpected } from '../../../contract/resources/expected-node.ts'
import type { Node } from '../../../contract/resources/node.ts'
import type { JoinToken } from '../../../contract/resources/trust.ts'
import { formatToken, parseTicket } from '../../../contract/wire/join.ts'
import { createFleet, type FleetHarness, type Ran } from '../harness.ts'
import { canUse } from './disk/loop-device.ts'
import { checkBoot, makeStockImage, readBoot, stockFiles, tool } from './stock-image.ts'
import { passphrase, wifiWords } from './wifi-words.ts'

const tools = ['mkfs.vfat', 'fsck.vfat', 'mcopy', 'sfdisk']
const sshKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHjTWIg5Al9de76GEN0yxEo/L7fPCHUn11E7w/jIB2V me@laptop'

interface Bench extends FleetHarness {
  image: string
  out: string
  /** `flotilla flash OUT --image IMAGE -b rpi-4 …` */
  flash(...more: string[]): Promise<Ran>
}

async function bench(t: ExecutionContext, files: Record<string, string> = stockFiles.own): Promise<Bench | undefined> {
  if (!canUse(t, tools)) return undefined
  const fleet = await createFleet(t)
  const [image, out] = [await makeStockImage(t, { files }), join(fleet.folder, 'card.img')]
  await writeFile(join(fleet.folder, 'flotilla.deb'), '!<arch>\ndebian-binary   and what follows')
  const flash = (...more: string[]): Promise<Ran> => fleet.run('flash', out, '--image', image, '-b', 'rpi-4', ...more)
  return { ...fleet, image, out, flash }
}

const nodeOf = async (fleet: FleetHarness, name: string): Promise<Node> =>
  (await fleet.get('nodes', name)) as unknown as Node

test('a card of our own image holds its settings and a join line that the master knows by its hash', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  const key = await fleet.file('id.pub', `# mine\n${sshKey}\n`)
  const wifi = await wifiWords(fleet, 'My Home')
  const more = [
    '--address',
    '192.168.1.20/24',
    '--gateway',
    '192.168.1.1',
    '--nameserver',
    '9.9.9.9',
    '--timezone',
    'Europe/Berlin',
  ]
  const ran = await fleet.flash('-H', 'board-1', ...wifi, ...more, '--ssh-key', key, '--labels', 'room=kitchen,x/y=1')
  t.is(ran.status, 0, ran.stderr)
  t.regex(ran.stdout, /\nStart the board from the image \(Raspberry Pi 4 Model B.*\) and switch it on\.\n/)
  t.regex(
    ran.stdout,
    /\nAt its first start board-1 grows its disk, takes its name, joins, and shows as Ready\.\nIts LED and its screen tell/,
  )
  t.deepEqual(parseCardSettings((await readBoot(fleet.out, 'flotilla/card.yaml')) ?? ''), {
    board: 'rpi-4',
    hostname: 'board-1',
    wifi: { ssid: 'My Home', key: deriveWifiKey('My Home', passphrase), country: 'DE' },
    sshKeys: [sshKey],
    address: { cidr: '192.168.1.20/24', gateway: '192.168.1.1', nameservers: ['9.9.9.9'] },
    timezone: 'Europe/Berlin',
  })
  const ticket = parseTicket((await readBoot(fleet.out, 'flotilla/join')) ?? '')
  t.deepEqual([ticket.cluster, ticket.addresses], ['home', ['board-1:8883']])
  const { spec } = (await fleet.get('jointokens', ticket.token.id)) as unknown as JoinToken
  t.is(spec.tokenHash, createHash('sha256').update(formatToken(ticket.token)).digest('hex'))
  t.deepEqual([spec.nodeName, spec.uses], ['board-1', 1])
  const leftMs = Date.parse(spec.expirationTimestamp) - Date.now()
  t.true(leftMs > 6.9 * 86_400_000 && leftMs <= 7 * 86_400_000)
  for (const secret of [passphrase, ticket.token.secret, deriveWifiKey('My Home', passphrase)])
    t.false(`${ran.stdout}${ran.stderr}`.includes(secret))
  t.is((await stat(fleet.out)).mode & 0o777, 0o600, 'it holds keys')
  await checkBoot(fleet.out)
})

test('what is not of the boot partition comes through unchanged, and the image is left alone', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  const before = await readFile(fleet.image)
  t.is((await fleet.flash('-H', 'board-1')).status, 0)
  const after = await readFile(fleet.out)
  const end = (4 + 34) * 1024 * 1024
  t.true(after.subarray(end).equals(before.subarray(end)))
  t.true(after.subarray(0, 4 * 1024 * 1024).equals(before.subarray(0, 4 * 1024 * 1024)))
  t.true((await readFile(fleet.image)).equals(before))
})

test('the node is expected from then on, with its labels, and takes its token along when it is deleted', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  await fleet.flash('-H', 'board-1', '--labels', 'room=kitchen')
  const node = await nodeOf(fleet, 'board-1')
  t.true(isExpected(node))
  t.is(node.metadata.labels?.['room'], 'kitchen')
  t.regex((await fleet.run('get', 'nodes')).stdout, /board-1 +Expected/)
  t.regex(
    (await fleet.run('describe', 'node', 'board-1')).stdout,
    /Expected: +its card was flashed at .* ago; .*\n +the token on the card runs out in 6d/,
  )
  const [id] = await fleet.names({ resource: 'jointokens' })
  const { metadata } = await fleet.get('jointokens', id ?? '')
  t.like(metadata.ownerReferences?.[0], { kind: 'Node', name: 'board-1', uid: node.metadata.uid })
})

test('a card that is flashed again makes the one before worthless', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  await fleet.flash('-H', 'board-1', '--ttl', '1h')
  const [first] = await fleet.names({ resource: 'jointokens' })
  const again = await fleet.flash('-H', 'board-1', '--yes', '--labels', 'a=b')
  t.is(again.status, 0, again.stderr)
  t.regex(again.stderr, /A card for board-1 was flashed before and never started/)
  const left = await fleet.names({ resource: 'jointokens' })
  t.is(left.length, 1)
  t.not(left[0], first)
  const node = await nodeOf(fleet, 'board-1')
  t.is(node.metadata.labels?.['a'], 'b')
  t.true(Date.parse(node.metadata.annotations?.['flotilla.dev/expected-until'] ?? '') - Date.now() > 86_400_000)
})

test('a living board is not replaced by a slip', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  const { object } = await fleet.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'board-1' }, spec: {} })
  const status = { conditions: [{ type: 'Ready', status: 'True' }] }
  await fleet.write({
    verb: 'update',
    subresource: 'status',
    target: { resource: 'nodes', group: '', name: 'board-1' },
    object: { ...object, status },
  })
  const ran = await fleet.flash('-H', 'board-1')
  t.is(ran.status, 1)
  t.regex(ran.stderr, /a living board has this name.*--replace/)
  t.false(existsSync(fleet.out))
  t.is((await fleet.flash('-H', 'board-1', '--replace')).status, 0)
  t.false(isExpected(await nodeOf(fleet, 'board-1')))
})

test('three cards to files have three names, addresses and tokens', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  const ran = await fleet.flash('-H', 'rack-09', '--count', '3', '--address', '10.0.0.254/16', '--json')
  t.is(ran.status, 0, ran.stderr)
  const lines = ran.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const finished = lines.at(-1)
  t.is(finished.phase, 'finished')
  t.deepEqual(
    finished.cards.map((card: { hostname: string }) => card.hostname),
    ['rack-09', 'rack-10', 'rack-11'],
  )
  const tickets = []
  for (const [index, cidr] of ['10.0.0.254/16', '10.0.0.255/16', '10.0.1.0/16'].entries()) {
    const path = join(fleet.folder, `card-${index + 1}.img`)
    const settings = parseCardSettings((await readBoot(path, 'flotilla/card.yaml')) ?? '')
    t.deepEqual([settings.hostname, settings.address?.cidr], [finished.cards[index].hostname, cidr])
    t.is(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
      finished.cards[index].sha256,
    )
    tickets.push(parseTicket((await readBoot(path, 'flotilla/join')) ?? '').token.id)
  }
  t.deepEqual((await fleet.names({ resource: 'jointokens' })).sort(), tickets.sort())
  t.deepEqual((await fleet.names({ resource: 'nodes' })).sort(), ['rack-09', 'rack-10', 'rack-11'])
})

for (const kind of ['trixie', 'bookworm'] as const)
  test(`a stock image gets the package and what installs it: ${kind}`, async t => {
    const fleet = await bench(t, stockFiles[kind])
    if (!fleet) return
    const wifi = await wifiWords(fleet)
    const ran = await fleet.flash('-H', 'board-1', '--package', join(fleet.folder, 'flotilla.deb'), ...wifi)
    t.is(ran.status, 0, ran.stderr)
    // The system mounts its boot partition for everybody to read: the key is where its own first start wants it, and nowhere else.
    const keyIn = kind === 'trixie' ? 'network-config' : 'flotilla/firstrun/flotilla-wifi.nmconnection'
    const { wifi: told } = parseCardSettings((await readBoot(fleet.out, 'flotilla/card.yaml')) ?? '')
    t.deepEqual(told, { ssid: 'Home', keyIn, country: 'DE' })
    t.true((await readBoot(fleet.out, keyIn))?.includes(deriveWifiKey('Home', passphrase)))
    t.regex(
      (await fleet.run('flash', '--inspect', fleet.out)).stdout,
      new RegExp(`Wifi: +Home \\(DE\\), its key in ${keyIn}`),
    )
    t.regex((await readBoot(fleet.out, 'flotilla/flotilla.deb')) ?? '', /^!<arch>/)
    t.regex((await readBoot(fleet.out, 'flotilla/install.sh')) ?? '', /^#!\/bin\/sh/)
    t.regex((await readBoot(fleet.out, 'cmdline.txt')) ?? '', /root=PARTUUID=8a676486-02 .*cgroup_enable=memory/)
    t.regex((await readBoot(fleet.out, 'cmdline.txt')) ?? '', kind === 'trixie' ? / ds=nocloud;i=/ : / systemd\.run=/)
    if (kind === 'trixie') t.regex((await readBoot(fleet.out, 'user-data')) ?? '', /hostname: board-1/)
    t.regex(ran.stderr, /Package .*flotilla\.deb/)
    t.regex(ran.stdout, /takes its name, installs Flotilla and what it needs from the network \(some minutes\), joins/)
    await checkBoot(fleet.out)
  })

test('a wifi that our own image has no drivers for is refused before anything is made', async t => {
  const fleet = await bench(t, stockFiles.ownAmd64)
  if (!fleet) return
  const wifi = await wifiWords(fleet)
  const argv = [fleet.out, '--image', fleet.image, '-b', 'generic-amd64', '-H', 'board-1']
  const ran = await fleet.run('flash', ...argv, ...wifi)
  t.is(ran.status, 2)
  t.regex(ran.stderr, /--wifi: Flotilla 0\.1\.0 for amd64 has drivers for the wifi of Raspberry Pis only.*take a cable/)
  t.deepEqual([await fleet.names({ resource: 'jointokens' }), existsSync(fleet.out)], [[], false])
  t.is((await fleet.run('flash', ...argv)).status, 0)
})

test('what our own image lacks for a board is told before it is written; an image of others has it', async t => {
  const fleet = await bench(t)
  const stock = fleet && (await bench(t, stockFiles.trixie))
  if (!fleet || !stock) return
  const lacks = /LOOK TWICE: it lacks the firmware of the wifi on most of these boards/
  const argv = ['-b', 'rpi-zero-2w', '-H', 'board-1', '--package', join(stock.folder, 'flotilla.deb')]
  t.regex((await fleet.run('flash', fleet.out, '--image', fleet.image, ...argv)).stderr, lacks)
  t.notRegex((await stock.run('flash', stock.out, '--image', stock.image, ...argv)).stderr, lacks)
})

test("Debian's cloud image gets its settings where cloud-init finds them, by the label", async t => {
  const fleet = await bench(t, stockFiles.debianCloud)
  if (!fleet) return
  const debian = join(fleet.folder, 'flotilla.deb')
  const ran = await fleet.run(
    'flash',
    fleet.out,
    '--image',
    fleet.image,
    '-b',
    'generic-amd64',
    '-H',
    'board-1',
    '--package',
    debian,
  )
  t.is(ran.status, 0, ran.stderr)
  t.regex(await tool('mlabel', '-s', '-i', `${fleet.out}@@4M`, '::'), /is CIDATA/)
  for (const path of ['user-data', 'meta-data', 'network-config', 'flotilla/install.sh', 'flotilla/join'])
    t.not(await readBoot(fleet.out, path), undefined, path)
  await checkBoot(fleet.out)
})

test('a packed image is flashed as well', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  await tool('gzip', '-1', fleet.image)
  const ran = await fleet.run('flash', fleet.out, '--image', `${fleet.image}.gz`, '-b', 'rpi-5', '-H', 'board-1')
  t.is(ran.status, 0, ran.stderr)
  t.regex((await readBoot(fleet.out, 'flotilla/card.yaml')) ?? '', /board: rpi-5/)
})

test('a master needs no token, and no master', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  const ran = await fleet.flash('-H', 'board-0', '--role', 'master', '--server', 'mqtts://nowhere')
  t.is(ran.status, 0, ran.stderr)
  t.is(await readBoot(fleet.out, 'flotilla/join'), undefined)
  t.regex((await readBoot(fleet.out, 'flotilla/card.yaml')) ?? '', /role: master/)
  t.deepEqual(await fleet.names({ resource: 'jointokens' }), [])
  t.regex(ran.stderr, /LOOK TWICE/)
  t.regex(ran.stdout, /Nobody can log in to it: .*--ssh-key/)
  const key = ['--ssh-key', await fleet.file('id.pub', sshKey), '--yes']
  t.regex((await fleet.flash('-H', 'board-0', '--role', 'master', ...key)).stdout, /ssh admin@board-0 /)
})

test('a line that was made elsewhere is taken as it is', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  const line = (await fleet.run('token', 'create', '--node', 'board-1')).stdout
  const ran = await fleet.flash('-H', 'board-1', '--join-file', await fleet.file('line', line))
  t.is(ran.status, 0, ran.stderr)
  t.is(await readBoot(fleet.out, 'flotilla/join'), line)
  t.is((await fleet.names({ resource: 'jointokens' })).length, 1)
  t.deepEqual(await fleet.names({ resource: 'nodes' }), [])
})

test('the board may be told another way to the master', async t => {
  const fleet = await bench(t)
  if (!fleet) return
  const ran = await fleet.flash('-H', 'board-1', '--master', '10.0.2.2:8883', '--master', '[fd00::1]:8883')
  t.notRegex(ran.stderr, /no other machine gets there/)
  t.deepEqual(parseTicket((await readBoot(fleet.out, 'flotilla/join')) ?? '').addresses, [
    '10.0.2.2:8883',
    '[fd00::1]:8883',
  ])
  const here = await fleet.flash('-H', 'board-1', '--yes', '--master', '127.0.0.1:8883')
  t.regex(here.stderr, /Joins +cluster home at 127\.0\.0\.1:8883: LOOK TWICE, no other machine gets there/)
})
