import test from 'ava'
import { UntrustedMaster } from '../../../../agent/identity/join-exchange.ts'
import { CodedError, type ErrorCode } from '../../../../kit/errors.ts'
import { FakeClock } from '../../../../kit/fake-clock.ts'
import { CrashDisk, type Luck } from '../crash-disk.ts'
import {
  bootThroughCuts,
  joinPath,
  ownImage,
  settings,
  settingsPath,
  statusPath,
  testBoard,
  withoutTime,
} from './board.ts'

const identityPath = '/var/lib/flotilla/identity/identity.json'

test('a board from our own image gets its name, network, time zone and keys, joins, and forgets the line', async t => {
  const board = testBoard(t, new CrashDisk(ownImage()))
  t.true(await board.boot(new FakeClock()))
  const files = board.disk.files()
  t.is(files['/etc/hostname'], 'board-1\n')
  t.true(board.disk.poked.includes('hostname board-1'))
  t.true(board.disk.poked.includes('soft 0'), 'the radio is on')
  t.is(files['/etc/hosts'], '127.0.0.1 localhost\n127.0.1.1 board-1\n')
  t.is(files['/etc/localtime'], '/usr/share/zoneinfo/Europe/Berlin')
  t.regex(files['/home/admin/.ssh/authorized_keys'] ?? '', /^ssh-ed25519 .* alice\n$/)
  t.regex(files['/etc/systemd/network/61-flotilla-wifi.network'] ?? '', /wlan0/)
  t.is(files[identityPath], 'board-1')
  t.is(files[joinPath], undefined)
  t.is(files[statusPath], 'done: this board is node board-1\n')
  t.deepEqual(
    board.ran.filter(command => !command.includes('images')),
    [
      'systemctl enable wpa_supplicant@wlan0.service',
      'systemctl restart --no-block wpa_supplicant@wlan0.service',
      'systemctl restart --no-block systemd-networkd.service',
      'chown -R admin:admin /home/admin',
      'systemctl restart --no-block ssh.service',
      'systemctl enable flotilla-agent.service',
      'systemctl start --no-block flotilla-agent.service',
    ],
  )
  t.false(await board.boot(new FakeClock()), 'and never again')
  t.is(board.signs.at(-1), 'done')
  t.true(board.disk.poked.some(line => line.startsWith('tty1 flotilla: done')))
  t.true(board.disk.poked.some(line => line.startsWith('ttyAMA0 flotilla: done')))
})

test('on a stock image only the profile is applied, and what the owner has there stays', async t => {
  const own = { '/etc/sysctl.d/60-flotilla.conf': 'mine = 1\n', '/etc/hostname': 'raspberrypi\n' }
  const board = testBoard(t, new CrashDisk({ ...ownImage(), ...own }), { isOwnImage: false })
  await board.boot(new FakeClock())
  t.like(board.disk.files(), own)
  t.is(board.disk.files()['/etc/localtime'], undefined)
  t.is(board.disk.files()[identityPath], 'board-1')
})

for (const luck of ['unsynced kept', 'unsynced lost'] as Luck[]) {
  test(`a power cut before any operation ends well at the next start (${luck})`, async t => {
    const straight = testBoard(t, new CrashDisk(ownImage()))
    await straight.boot(new FakeClock())
    const { operations } = straight.disk
    t.true(operations > 40, `${operations} operations`)
    const wanted = withoutTime(straight.disk.files())
    for (let cut = 0; cut < operations; cut++) {
      const board = testBoard(t, new CrashDisk(ownImage()))
      await bootThroughCuts(board, [cut, cut % 7], luck)
      t.deepEqual(withoutTime(board.disk.files()), wanted, `cut after ${cut} operations`)
      const agentStarts = board.ran.filter(command => command.includes('start --no-block flotilla-agent'))
      t.true(agentStarts.length > 0)
    }
  })
}

interface Trouble {
  error: Error
  says: RegExp
  blinks: number
  addresses?: string[]
}

const refuses = (code: ErrorCode, text: string): Error => new CodedError(code, text)
const stranger = new CodedError('Unauthorized', 'cannot trust it', { cause: new UntrustedMaster('a:1', 'its CA') })

const troubles: Record<string, Trouble> = {
  'nobody answers': {
    error: refuses('ServiceUnavailable', 'cannot join'),
    says: /step \d+ of \d+, joining the cluster: master not found at 192.168.1.10:8883, nor by mDNS: .*\? Trying again/,
    blinks: 3,
  },
  'no address': {
    error: refuses('Timeout', 'cannot join'),
    says: /no network: nobody gave eth0 an address/,
    blinks: 2,
    addresses: [],
  },
  'a master with too much to do': {
    error: refuses('TooManyRequests', 'too many boards are joining'),
    says: /joining the cluster: too many boards are joining. Trying again/,
    blinks: 8,
  },
  'a refusal that would command the screen': {
    error: refuses('Forbidden', 'used\n\u001b[2Jup'),
    says: /token not accepted: used \[2Jup\. This needs you/,
    blinks: 4,
  },
  'a stranger': { error: stranger, says: /another one answers: cannot trust it/, blinks: 3 },
  'a token that is too old': {
    error: refuses('Expired', 'the token has run out'),
    says: /token expired: .*This needs you/,
    blinks: 4,
  },
  'a token that is used up': { error: refuses('Forbidden', 'used up'), says: /token not accepted: used up/, blinks: 4 },
  'a name that is taken': {
    error: refuses('AlreadyExists', 'a living board has the name'),
    says: /a living board has the name. This needs you/,
    blinks: 5,
  },
}

for (const [name, { error, says, blinks, addresses }] of Object.entries(troubles)) {
  test(`${name}: told in words and blinks, tried again, and well when it is over`, async t => {
    const board = testBoard(t, new CrashDisk(ownImage()))
    if (addresses) board.addresses = addresses
    board.refusals.push(error, error, error)
    const clock = new FakeClock()
    const booting = board.boot(clock)
    await clock.advance(addresses ? 14_000 : 0)
    if (addresses) t.is(board.signs.at(-1), 'working', 'DHCP has its time')
    await clock.advance(2000)
    t.regex(board.disk.files()[statusPath] ?? '', says)
    t.deepEqual(board.signs.at(-1), { blinks })
    t.truthy(board.disk.files()[joinPath], 'the line is needed still')
    await clock.advance(20 * 60_000)
    t.true(await booting)
    t.is(board.disk.poked.filter(line => line.startsWith('tty1') && says.test(line)).length, 1, 'said once')
    t.is(board.signs.at(-1), 'done')
  })
}

test('a card without settings, or with wrong ones, says so and is read again', async t => {
  const files = ownImage()
  files[settingsPath] = 'board: rpi-4\nhostname: Not A Name\n'
  const board = testBoard(t, new CrashDisk(files))
  const clock = new FakeClock()
  const booting = board.boot(clock)
  await clock.advance(1000)
  t.regex(board.disk.files()[statusPath] ?? '', /card unreadable: .*hostname/)
  t.deepEqual(board.signs.at(-1), { blinks: 6 })
  await board.disk.create(settingsPath, ownImage()[settingsPath] as string)
  await clock.advance(20 * 60_000)
  t.true(await booting)
})

test('a card that the initrd found unusable is told of until the board is switched off, and nothing is done', async t => {
  const found = 'the card has 300 MiB, and needs 340 MiB'
  const files = {
    ...ownImage(),
    '/run/flotilla-card/problem': `${found}\n`,
    [statusPath]: 'done: this board is node board-1\n',
  }
  const board = testBoard(t, new CrashDisk(files))
  const [clock, ending] = [new FakeClock(), new AbortController()]
  const booting = board.boot(clock, ending.signal)
  await clock.advance(60 * 60_000)
  t.deepEqual(board.signs.at(-1), { blinks: 6 })
  const says = `card unreadable: ${found}. This needs you`
  t.true(board.disk.files()[statusPath]?.includes(says))
  for (const screen of ['tty1', 'ttyAMA0'])
    t.true(board.disk.poked.some(line => line.startsWith(screen) && line.includes(says)))
  t.true(board.lines.some(line => line.includes(found)))
  const { [statusPath]: _, ...others } = board.disk.files()
  const { [statusPath]: __, ...before } = files
  t.deepEqual(others, before, 'no step, no progress, and the join line is there still')
  t.deepEqual([board.ran, board.joined], [[], []])
  ending.abort(new Error('switched off'))
  await t.throwsAsync(booting, { message: 'switched off' })
})

test('a wifi whose key only a stock image could find is not taken for an open one', async t => {
  const wifi = { ssid: 'home', keyIn: 'network-config', country: 'DE' }
  const board = testBoard(t, new CrashDisk(ownImage({ ...settings, wifi })))
  const [clock, ending] = [new FakeClock(), new AbortController()]
  const booting = board.boot(clock, ending.signal)
  await clock.advance(10 * 60_000)
  t.deepEqual(board.signs.at(-1), { blinks: 6 })
  t.regex(
    board.disk.files()[statusPath] ?? '',
    /card unreadable: the key of the wifi "home" is missing: .*network-config\. Flash the card again, for this image/,
  )
  t.is(board.disk.files()['/etc/wpa_supplicant/wpa_supplicant-wlan0.conf'], undefined)
  ending.abort(new Error('switched off'))
  await t.throwsAsync(booting, { message: 'switched off' })
})

test('an open wifi is one that has no key anywhere', async t => {
  const board = testBoard(t, new CrashDisk(ownImage({ ...settings, wifi: { ssid: 'guests', country: 'DE' } })))
  t.true(await board.boot(new FakeClock()))
  t.regex(board.disk.files()['/etc/wpa_supplicant/wpa_supplicant-wlan0.conf'] ?? '', /key_mgmt=NONE/)
})

test('a boot partition that the kernel made read-only is written all the same, and is read-only again after', async t => {
  const board = testBoard(t, new CrashDisk(ownImage()))
  board.disk.readOnly = '/boot/firmware'
  t.true(await board.boot(new FakeClock()))
  t.is(board.disk.files()[joinPath], undefined)
  t.is(board.disk.files()[statusPath], 'done: this board is node board-1\n')
  t.is(board.disk.readOnly, '/boot/firmware')
})

test('where nothing can be written to the card, the screen tells, and the first start does not end before the line is off it', async t => {
  const board = testBoard(t, new CrashDisk(ownImage()))
  board.disk.readOnly = '/boot/firmware'
  const mount = 'mount -o remount,rw /boot/firmware'
  board.answers[mount] = { status: 32, stdout: '', stderr: 'mount: cannot remount /dev/mmcblk0p1 read-write\n' }
  const clock = new FakeClock()
  const booting = board.boot(clock)
  await clock.advance(1000)
  const says = /removing the join line from the card: cannot run mount -o remount,rw .*: because .*cannot remount/
  t.true(board.disk.poked.some(line => line.startsWith('tty1') && says.test(line)))
  t.deepEqual(board.signs.at(-1), { blinks: 8 })
  t.truthy(board.disk.files()[joinPath])
  delete board.answers[mount]
  await clock.advance(10 * 60_000)
  t.true(await booting)
  t.is(board.disk.files()[joinPath], undefined)
})

test('a wrong wifi that is corrected on the card is set at the next start, although it was set before', async t => {
  const board = testBoard(t, new CrashDisk(ownImage({ ...settings, hostname: 'board-0' })))
  board.addresses = []
  board.refusals.push(...Array.from({ length: 9 }, () => refuses('ServiceUnavailable', 'cannot join')))
  const [clock, ending] = [new FakeClock(), new AbortController()]
  const booting = board.boot(clock, ending.signal)
  await clock.advance(60_000)
  t.is(board.disk.files()['/etc/hostname'], 'board-0\n')
  ending.abort(new Error('switched off'))
  await t.throwsAsync(booting, { message: 'switched off' })
  board.refusals.length = 0
  board.addresses = ['192.168.1.50']
  board.ran.length = 0
  await board.disk.create(settingsPath, ownImage()[settingsPath] as string)
  t.true(await board.boot(new FakeClock()))
  t.is(board.disk.files()['/etc/hostname'], 'board-1\n')
  t.true(board.ran.includes('systemctl restart --no-block wpa_supplicant@wlan0.service'))
  t.is(board.disk.modeOf('/var/lib/flotilla/first-boot.json'), 0o600)
})

test('a card whose line was used by another board says how to get a new one', async t => {
  const files = ownImage()
  delete files[joinPath]
  const [board, clock, ending] = [testBoard(t, new CrashDisk(files)), new FakeClock(), new AbortController()]
  const booting = board.boot(clock, ending.signal)
  await clock.advance(1000)
  t.regex(
    board.disk.files()[statusPath] ?? '',
    /token missing: .*flotilla token create --node board-1\. This needs you/,
  )
  ending.abort(new Error('switched off'))
  await t.throwsAsync(booting, { message: 'switched off' })
})

test('the board of the master starts it, and joins by a line of its own', async t => {
  const files = ownImage({ ...settings, role: 'master' })
  delete files[joinPath]
  const [board, clock] = [testBoard(t, new CrashDisk(files)), new FakeClock()]
  const booting = board.boot(clock)
  await clock.advance(5000)
  t.deepEqual(board.joined, [], 'it waits for the master')
  await board.disk.create('/var/lib/flotilla/master/admin.yaml', 'x')
  await clock.advance(5000)
  t.true(await booting)
  t.deepEqual(board.joined, ['board-1'])
  t.true(board.ran.includes('systemctl start --no-block flotilla-master.service'))
})

test('the line is never in a log or on a screen', async t => {
  const board = testBoard(t, new CrashDisk(ownImage()))
  await board.boot(new FakeClock())
  const said = [...board.lines, ...board.disk.poked, ...board.ran].join('\n')
  t.false(/bcdfghjklmnpqrstvwxz/.test(said))
  t.false(said.includes(settings.wifi?.key ?? '?'))
})

test('a clock in 1970 is waited for a little, and then does not matter', async t => {
  const [board, clock] = [testBoard(t, new CrashDisk(ownImage())), new FakeClock(0)]
  const booting = board.boot(clock)
  await clock.advance(30_000)
  t.deepEqual(board.joined, [])
  t.deepEqual(board.signs.at(-1), { blinks: 7 })
  t.regex(board.disk.files()[statusPath] ?? '', /clock: no time server answers yet/)
  await clock.advance(60_000)
  t.true(await booting)
})
