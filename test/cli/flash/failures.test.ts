import { existsSync } from 'node:fs'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { createFleet, type FleetHarness, type Ran } from '../harness.ts'
import { canUse, canUseLoops, createLoop } from './disk/loop-device.ts'
import { makeStockImage, readBoot, stockFiles } from './stock-image.ts'

const tools = ['mkfs.vfat', 'fsck.vfat', 'mcopy', 'sfdisk']

async function bench(
  t: ExecutionContext,
  files: Record<string, string> = stockFiles.own,
): Promise<{ fleet: FleetHarness; image: string; out: string } | undefined> {
  if (!canUse(t, tools)) return undefined
  const fleet = await createFleet(t)
  return { fleet, image: await makeStockImage(t, { files }), out: join(fleet.folder, 'card.img') }
}

/** Nobody is let in by what failed, and nothing waits for a board that will not come. */
async function assertNothingLeft(t: ExecutionContext, fleet: FleetHarness): Promise<void> {
  t.deepEqual(await fleet.names({ resource: 'jointokens' }), [])
  t.deepEqual(await fleet.names({ resource: 'nodes' }), [])
}

const words: Array<[title: string, argv: string[], message: RegExp]> = [
  ['no board', ['-H', 'a'], /--board is missing: one of rpi-3/],
  ['no name', ['-b', 'rpi-4'], /--hostname is missing/],
  ['a name that no host has', ['-b', 'rpi-4', '-H', 'Board_1'], /--hostname: "Board_1" is not allowed/],
  ['no card at all', ['-b', 'rpi-4', '-H', 'a', '--count', '0'], /--count must be 1 to 100/],
  [
    'a gateway without an address',
    ['-b', 'rpi-4', '-H', 'a', '--gateway', '10.0.0.1'],
    /--gateway needs a fixed address/,
  ],
  [
    'an address of a network',
    ['-b', 'rpi-4', '-H', 'a', '--address', '10.0.0.0/24'],
    /--address: 10.0.0.0\/24 is the address of a network/,
  ],
  [
    'more boards than addresses',
    ['-b', 'rpi-4', '-H', 'a', '--count', '3', '--address', '10.0.0.253/24'],
    /--address: 10.0.0.255\/24/,
  ],
  [
    'a gateway that a board would have',
    ['-b', 'rpi-4', '-H', 'a', '--count', '3', '--address', '10.0.0.9/24', '--gateway', '10.0.0.10'],
    /is the address of a board as well/,
  ],
  ['labels without a value', ['-b', 'rpi-4', '-H', 'a', '--labels', 'room'], /"room" is not KEY=VALUE/],
  [
    'a time zone that nobody has',
    ['-b', 'rpi-4', '-H', 'a', '--timezone', 'Europe/Atlantis'],
    /no time zone Europe\/Atlantis/,
  ],
  ['a password without a wifi', ['-b', 'rpi-4', '-H', 'a', '--wifi-password-file', 'x'], /needs the name of the wifi/],
  [
    'a wifi whose passphrase nobody says',
    ['-b', 'rpi-4', '-H', 'a', '--wifi', 'Home'],
    /nobody is here to say it: --wifi-password-file/,
  ],
  [
    'a master with labels',
    ['-b', 'rpi-4', '-H', 'a', '--role', 'master', '--labels', 'a=b'],
    /--labels is for nodes of a cluster that there is/,
  ],
  ['two masters', ['-b', 'rpi-4', '-H', 'a', '--role', 'master', '--count', '2'], /--role master is for one card/],
  [
    'one line for two boards',
    ['-b', 'rpi-4', '-H', 'a', '--count', '2', '--join-file', 'x'],
    /--join-file is for one card/,
  ],
  ...['--labels=a=b', '--replace'].map((word): [string, string[], RegExp] => [
    `a line made elsewhere with ${word}`,
    ['-b', 'rpi-4', '-H', 'a', word, '--join-file', 'x'],
    /is said to a master, and with --join-file none is asked/,
  ]),
  ['a master without a port', ['-b', 'rpi-4', '-H', 'a', '--master', '10.0.0.1'], /is not HOST:PORT/],
  ['a token that lives a second', ['-b', 'rpi-4', '-H', 'a', '--ttl', '1s'], /--ttl must be 1m or more/],
]

for (const [title, argv, message] of words)
  test(`${title} is a wrong use`, async t => {
    const fleet = await createFleet(t)
    const ran = await fleet.run('flash', join(fleet.folder, 'out.img'), '--image', 'never-opened.img', ...argv)
    t.is(ran.status, 2, ran.stderr)
    t.regex(ran.stderr, message)
    t.false(existsSync(join(fleet.folder, 'out.img')))
    await assertNothingLeft(t, fleet)
  })

const images: Array<[title: string, spoil: (image: string) => Promise<void>, message: RegExp]> = [
  [
    'is cut in its boot partition',
    image => truncate(image, 6 * 1024 * 1024),
    /stock\.img.*because its partitions reach to 4\d\.\d MB, and it ends at 6\.3 MB/,
  ],
  ['is empty', image => truncate(image, 0), /stock\.img/],
  ['is no disk', image => writeFile(image, Buffer.alloc(2 ** 21, 'text')), /stock\.img/],
  [
    'has another checksum',
    image => writeFile(`${image}.sha256`, `${'0'.repeat(64)}  stock.img\n`),
    /its SHA-256 is .* get it again/,
  ],
]

for (const [title, spoil, message] of images)
  test(`an image that ${title} is refused before anything is made`, async t => {
    const made = await bench(t)
    if (!made) return
    await spoil(made.image)
    const ran = await made.fleet.run('flash', made.out, '--image', made.image, '-b', 'rpi-4', '-H', 'a')
    t.is(ran.status, 1, ran.stdout)
    t.regex(ran.stderr, message)
    t.false(ran.stderr.includes('from server'))
    await assertNothingLeft(t, made.fleet)
  })

test('an image of the wrong architecture is refused with the way out', async t => {
  const made = await bench(t, stockFiles.ownAmd64)
  if (!made) return
  const ran = await made.fleet.run('flash', made.out, '--image', made.image, '-b', 'rpi-4', '-H', 'a', '--json')
  t.is(ran.status, 1)
  t.regex(ran.stderr, /rpi-4 .* needs arm64: take an image for arm64, or another --board/)
  t.like(JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? ''), { phase: 'failed', code: 'Invalid' })
})

for (const [name, message] of [
  ['flotilla_0.1.0_amd64.deb', /because it is for amd64, and rpi-4 needs arm64/],
  ['flotilla_0.1.0_arm64.deb', /because it is no Debian package/],
] as const)
  test(`a package that is none for the board is told before anything is made: ${name}`, async t => {
    const made = await bench(t, stockFiles.bookworm)
    if (!made) return
    const debian = await made.fleet.file(name, 'text')
    const argv = ['--image', made.image, '-b', 'rpi-4', '-H', 'a', '--package', debian]
    const ran = await made.fleet.run('flash', made.out, ...argv)
    t.is(ran.status, 1)
    t.regex(ran.stderr, message)
    await assertNothingLeft(t, made.fleet)
  })

test('a package that does not fit onto the boot partition is told before anything is made', async t => {
  const made = await bench(t, stockFiles.bookworm)
  if (!made) return
  const debian = join(made.fleet.folder, 'flotilla.deb')
  await writeFile(debian, Buffer.concat([Buffer.from('!<arch>\ndebian-binary   '), Buffer.alloc(40 * 1024 * 1024)]))
  const ran = await made.fleet.run(
    'flash',
    made.out,
    '--image',
    made.image,
    '-b',
    'rpi-4',
    '-H',
    'a',
    '--package',
    debian,
  )
  t.is(ran.status, 1)
  t.regex(ran.stderr, /its boot partition has 3\d\.\d MiB free, and the settings and the package need 40\.0 MiB/)
  await assertNothingLeft(t, made.fleet)
})

test('no master to ask is told with the other ways', async t => {
  const made = await bench(t)
  if (!made) return
  const ran = await made.fleet.run(
    'flash',
    made.out,
    '--image',
    made.image,
    '-b',
    'rpi-4',
    '-H',
    'a',
    '--config',
    join(made.fleet.folder, 'none.yaml'),
  )
  t.is(ran.status, 1)
  t.regex(
    ran.stderr,
    /cannot let the board join: because no master can be asked \(.*\)\. Start the master, .*--role master.*--join-file/,
  )
  t.false(existsSync(made.out))
})

test('without a yes a file that is there stays, and nobody is let in', async t => {
  const made = await bench(t)
  if (!made) return
  const out = await made.fleet.file('mine.img', 'my photos')
  const ran = await made.fleet.run('flash', out, '--image', made.image, '-b', 'rpi-4', '-H', 'a')
  t.is(ran.status, 2)
  t.regex(ran.stderr, /All that is in .*mine\.img will be gone\. Nobody is here to say so: use --yes/)
  t.is(await readFile(out, 'utf8'), 'my photos')
  await assertNothingLeft(t, made.fleet)
})

test('a token is taken back when the card cannot be written', async t => {
  const made = await bench(t)
  if (!made || !canUseLoops(t)) return
  // Large enough by its own word, and not by its file: writing fails in the middle.
  const { path, backing } = await createLoop(t, 128 * 1024 * 1024)
  await truncate(backing, 8 * 1024 * 1024)
  const ran: Ran = await made.fleet.run('flash', path, '--image', made.image, '-b', 'rpi-4', '-H', 'a', '--yes')
  t.is(ran.status, 1, ran.stderr)
  t.regex(ran.stderr, /The token of a was taken back\./)
  await assertNothingLeft(t, made.fleet)
})

test('a drive that is too small is refused before anything is made', async t => {
  const made = await bench(t)
  if (!made || !canUseLoops(t)) return
  const { path } = await createLoop(t, 16 * 1024 * 1024)
  const ran = await made.fleet.run('flash', path, '--image', made.image, '-b', 'rpi-4', '-H', 'a', '--yes')
  t.is(ran.status, 1)
  t.regex(ran.stderr, /take a larger one/)
  await assertNothingLeft(t, made.fleet)
})

test('Ctrl-C in the middle leaves no token, no node, and says what state the card is in', async t => {
  const made = await bench(t)
  if (!made || !canUseLoops(t)) return
  await truncate(made.image, 1024 ** 3)
  const { path } = await createLoop(t, 1100 * 1024 * 1024)
  const running = made.fleet.start('flash', path, '--image', made.image, '-b', 'rpi-4', '-H', 'a', '--yes', '--json')
  await running.shows(/"phase":"writing","done":[1-9]/)
  running.hangUp()
  const ran = await running.done
  t.is(ran.status, 130, ran.stderr)
  t.regex(ran.stderr, /is unfinished and does not start: flash it again/)
  t.regex(ran.stderr, /The token of a was taken back/)
  await assertNothingLeft(t, made.fleet)
})

test('a card in a drive is written as a file is', async t => {
  const made = await bench(t)
  if (!made || !canUseLoops(t)) return
  const { path, backing } = await createLoop(t, 128 * 1024 * 1024)
  const ran = await made.fleet.run('flash', path, '--image', made.image, '-b', 'rpi-4', '-H', 'board-7', '--yes')
  t.is(ran.status, 0, ran.stderr)
  t.regex((await readBoot(backing, 'flotilla/card.yaml')) ?? '', /hostname: board-7/)
  t.regex((await made.fleet.run('flash', '--inspect', path)).stdout, /Hostname: +board-7/)
})
