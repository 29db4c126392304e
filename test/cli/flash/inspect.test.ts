import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { findImage, findPackage, type Surroundings } from '../../../cli/flash/find-files.ts'
import { maskTicket } from '../../../cli/flash/mask.ts'
import { unifiedDiff } from '../../../cli/flash/unified-diff.ts'
import { version } from '../../../contract/version.ts'
import { parseTicket } from '../../../contract/wire/join.ts'
import { createFleet, type FleetHarness } from '../harness.ts'
import { canUse } from './disk/loop-device.ts'
import { makeStockImage, readBoot, stockFiles, temporaryFolder, tool } from './stock-image.ts'
import { wifiWords } from './wifi-words.ts'

const tools = ['mkfs.vfat', 'mcopy', 'sfdisk']

async function flashed(
  t: ExecutionContext,
  ...more: string[]
): Promise<{ fleet: FleetHarness; out: string; image: string } | undefined> {
  if (!canUse(t, tools)) return undefined
  const fleet = await createFleet(t)
  const image = await makeStockImage(t, { files: stockFiles.own })
  const out = join(fleet.folder, 'card.img')
  const wifi = await wifiWords(fleet)
  const ran = await fleet.run('flash', out, '--image', image, '-b', 'rpi-4', '-H', 'board-1', ...wifi, ...more)
  t.is(ran.status, 0, ran.stderr)
  return { fleet, out, image }
}

test('a card tells what it holds but for its secrets, and what its token is worth', async t => {
  const made = await flashed(t)
  if (!made) return
  const { fleet, out } = made
  const line = (await readBoot(out, 'flotilla/join')) ?? ''
  const key = /key: ([0-9a-f]{64})/.exec((await readBoot(out, 'flotilla/card.yaml')) ?? '')?.[1] ?? ''
  const { token } = parseTicket(line)
  const ran = await fleet.run('flash', '--inspect', out)
  t.is(ran.status, 0, ran.stderr)
  t.regex(
    ran.stdout,
    /^Image: +Flotilla 0\.1\.0 for arm64\nHostname: +board-1\nBoard: +rpi-4\nRole: +node\nWifi: +Home \(DE\), key \*{6}\n/,
  )
  t.regex(ran.stdout, new RegExp(`Join line: +flotilla://${token.id}\\.\\*{6}@board-1:8883/home`))
  t.regex(ran.stdout, new RegExp(`Token: +${token.id}: good for another 6d`))
  const json = await fleet.run('flash', '--inspect', out, '--json')
  t.like(JSON.parse(json.stdout), { settings: { hostname: 'board-1', wifi: { key: '******' } } })
  for (const { stdout, stderr } of [ran, json])
    for (const secret of [token.secret, key]) t.false(`${stdout}${stderr}`.includes(secret))
  await fleet.run('token', 'revoke', token.id)
  t.regex((await fleet.run('flash', '--inspect', out)).stdout, /Token: +\w+: taken back/)
})

test('a card that has started tells how it went, and has no line any more', async t => {
  const made = await flashed(t)
  if (!made) return
  const { fleet, out } = made
  const status = join(fleet.folder, 'status')
  await writeFile(status, 'master not found at board-1:8883\n')
  await tool('mcopy', '-i', `${out}@@4M`, status, '::/flotilla/status.txt')
  await tool('mdel', '-i', `${out}@@4M`, '::/flotilla/join')
  const { stdout } = await fleet.run('flash', '--inspect', out)
  t.regex(stdout, /Join line: +none: used already, or a master\nStatus: +master not found at board-1:8883/)
})

test('settings that somebody has broken are told with their line', async t => {
  const made = await flashed(t)
  if (!made) return
  const broken = await made.fleet.file('broken', 'board: rpi-4\nhostname: Board_1\n')
  await tool('mcopy', '-o', '-i', `${made.out}@@4M`, broken, '::/flotilla/card.yaml')
  const { stdout } = await made.fleet.run('flash', '--inspect', made.out)
  t.regex(stdout, /Problems: +cannot read flotilla\/card\.yaml: because line 2, hostname: "Board_1"/)
})

test('an image that is none of ours has a status of its own, and what is no image is an error', async t => {
  if (!canUse(t, tools)) return
  const fleet = await createFleet(t)
  const image = await makeStockImage(t, { files: stockFiles.trixie })
  const ran = await fleet.run('flash', '--inspect', image)
  t.is(ran.status, 3)
  t.regex(ran.stdout, /Image: +Raspberry Pi OS of 2025-12-04\nSettings: +none/)
  t.is((await fleet.run('flash', '--inspect', await fleet.file('text', 'hello'))).status, 1)
  const nowhere = await fleet.run('flash', '--inspect', join(fleet.folder, 'nowhere'))
  t.is(nowhere.status, 1)
  t.regex(nowhere.stderr, /^error: cannot inspect \S+nowhere: because there is no such drive or file/)
})

test('a dry run shows each change, no secret, and makes nothing', async t => {
  if (!canUse(t, tools)) return
  const fleet = await createFleet(t)
  const image = await makeStockImage(t, { files: stockFiles.trixie })
  const debian = await fleet.file('flotilla.deb', '!<arch>\ndebian-binary   x')
  const wifi = await wifiWords(fleet)
  const argv = ['flash', '--image', image, '-b', 'rpi-4', '-H', 'board-1', '--package', debian, ...wifi, '--dry-run']
  const ran = await fleet.run(...argv, '--server', 'mqtts://nowhere')
  t.is(ran.status, 0, ran.stderr)
  t.regex(
    ran.stdout,
    /--- stock\/cmdline\.txt\n\+\+\+ card\/cmdline\.txt\n@@ .*\n-console=.*\n\+console=.* cgroup_enable=memory/,
  )
  t.regex(
    ran.stdout,
    /--- \/dev\/null\n\+\+\+ card\/flotilla\/join\n.*\n\+\(a join line, made when the card is written\)/,
  )
  t.regex(ran.stdout, /password: \*{6}/)
  t.regex(ran.stdout, /\+ {2}keyIn: network-config/)
  t.regex(
    ran.stdout,
    /\n# At its first start [\s\S]*\n\+\+\+ card\/etc\/sysctl\.d\/60-flotilla\.conf\n[\s\S]*\n\+net\.ipv4\.ip_forward = 1\n/,
  )
  t.notRegex(ran.stdout, /[0-9a-f]{64}|correct horse/)
  t.deepEqual(await fleet.names({ resource: 'jointokens' }), [])
  t.deepEqual(await fleet.names({ resource: 'nodes' }), [])
  const json = JSON.parse((await fleet.run(...argv, '--json')).stdout)
  t.true(json.files.some(({ path }: { path: string }) => path === 'flotilla/card.yaml'))
})

test('an image of a card that was written before gives away none of its secrets, and keeps none for the next card', async t => {
  if (!canUse(t, tools)) return
  const fleet = await createFleet(t)
  const [line, key] = [`flotilla://abc123.${'s'.repeat(26)}@h:1/home?ca=sha256:${'0'.repeat(64)}`, 'ab'.repeat(32)]
  const image = await makeStockImage(t, {
    files: {
      ...stockFiles.bookworm,
      'config.txt': 'arm_64bit=1\n# \u001b]0;owned\u0007\n',
      'flotilla/join': `${line}\n`,
      'flotilla/card.yaml': `board: rpi-4\nhostname: old\nwifi:\n  ssid: Old\n  country: DE\n  key: ${key}\n`,
      'flotilla/firstrun/authorized_keys': 'ssh-ed25519 AAAA somebody\n',
      'flotilla/firstrun/flotilla-wifi.nmconnection': `psk=${key}\n`,
      'flotilla/firstrun/timezone': 'password: "open sesame"\n',
    },
  })
  const debian = await fleet.file('flotilla.deb', '!<arch>\ndebian-binary   x')
  const out = join(fleet.folder, 'card.img')
  const argv = ['--image', image, '-b', 'rpi-4', '-H', 'board-1', '--package', debian]
  const dry = await fleet.run('flash', ...argv, '--dry-run')
  t.is(dry.status, 0, dry.stderr)
  t.regex(dry.stdout, /\n-\*{6}\n\+\(a join line/)
  t.regex(dry.stdout, /\n- {2}key: \*{6}\n/)
  t.notRegex(dry.stdout, new RegExp(`s{26}|${key}|open sesame|\\u001b`))
  const ran = await fleet.run('flash', out, ...argv)
  t.is(ran.status, 0, ran.stderr)
  t.is(await readBoot(out, 'flotilla/firstrun/hostname'), 'board-1\n')
  for (const left of ['authorized_keys', 'flotilla-wifi.nmconnection'])
    t.is(await readBoot(out, `flotilla/firstrun/${left}`), undefined, left)
})

test('a diff is what patch(1) reads', async t => {
  if (!canUse(t, ['patch'])) return
  const folder = await temporaryFolder(t)
  const [before, after] = ['a\nb\nc\n', 'a\nB\nc\nd\n']
  await writeFile(join(folder, 'f'), before)
  await writeFile(join(folder, 'diff'), unifiedDiff('f', before, after))
  await tool('patch', '-s', '-p1', '-d', folder, '-i', join(folder, 'diff'))
  t.is(await tool('cat', join(folder, 'f')), after)
  t.is(unifiedDiff('f', before, before), '')
})

test('a join line is shown without its secret, and what is none is not shown at all', t => {
  const line = `flotilla://abc123.${'b'.repeat(26)}@h:1/home?ca=sha256:${'0'.repeat(64)}`
  t.is(maskTicket(`${line}\n`), line.replace('b'.repeat(26), '******'))
  t.throws(() => maskTicket('password'), { code: 'BadRequest' })
})

async function surroundings(t: ExecutionContext): Promise<Surroundings & { folder: string }> {
  const folder = await temporaryFolder(t)
  return {
    folder,
    env: {},
    homeDirectory: join(folder, 'home'),
    execPath: '/usr/bin/node',
    script: join(folder, 'clone/flotilla.ts'),
  }
}

async function put(...path: string[]): Promise<string> {
  const file = join(...path)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, '')
  return file
}

test('our image is found beside the program that was built, then in the cache of its user', async t => {
  const where = await surroundings(t)
  await put(where.script ?? '')
  await t.throwsAsync(findImage('arm64', where), {
    code: 'NotFound',
    message: /\.\/build\.sh images --arch arm64.*--image/,
  })
  const cached = await put(where.homeDirectory, '.cache/flotilla/images/flotilla-arm64.img.xz')
  t.is(await findImage('arm64', where), cached)
  const built = await put(where.folder, 'clone/dist/os/flotilla-arm64.img.zst')
  t.is(await findImage('arm64', where), built)
  for (const program of ['clone/dist/lib/flotilla.js', 'clone/dist/pack/flotilla-linux-x64', 'clone/dist/flotilla'])
    t.is(
      await findImage('arm64', { ...where, script: undefined, execPath: await put(where.folder, program) }),
      built,
      program,
    )
  await t.throwsAsync(findImage('amd64', where), { code: 'NotFound' })
})

test('only a package of this very version and architecture is found', async t => {
  const where = await surroundings(t)
  const folder = join(where.homeDirectory, '.cache/flotilla/deb')
  await put(where.script ?? '')
  for (const name of [
    `flotilla_${version}0_arm64.deb`,
    `flotilla_${version}_amd64.deb`,
    'flotilla_0.0.1_arm64.deb',
    `flotilla-doc_${version}_arm64.deb`,
  ])
    await put(folder, name)
  await t.throwsAsync(findPackage('arm64', where), { code: 'NotFound', message: /--package/ })
  const right = await put(folder, `flotilla_${version}-1_arm64.deb`)
  t.is(await findPackage('arm64', where), right)
})
