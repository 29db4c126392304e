import test, { type ExecutionContext } from 'ava'
import type { CardSettings } from '../../../../contract/card/card-settings.ts'
import { formatCardSettings } from '../../../../contract/card/read-card.ts'
import { CodedError } from '../../../../kit/errors.ts'
import { FakeClock } from '../../../../kit/fake-clock.ts'
import { CrashDisk, type Luck } from '../crash-disk.ts'
import { bootThroughCuts, ownImage, settings, settingsPath, type TestBoard, testBoard, withoutTime } from './board.ts'

const keysPath = '/home/admin/.ssh/authorized_keys'
const wifiPaths = [
  '/etc/systemd/network/61-flotilla-wifi.network',
  '/etc/wpa_supplicant/wpa_supplicant-wlan0.conf',
] as const
const wifiOff = 'systemctl disable --now --no-block wpa_supplicant@wlan0.service'
const sshOff = 'systemctl stop --no-block ssh.service'

/** Files of a board that has done its steps by this card, waits for its master, and is switched off. */
async function filesBefore(t: ExecutionContext, card: CardSettings): Promise<Record<string, string>> {
  const board = testBoard(t, new CrashDisk(ownImage(card)))
  board.refusals.push(new CodedError('ServiceUnavailable', 'cannot join'))
  const [clock, ending] = [new FakeClock(), new AbortController()]
  const booting = board.boot(clock, ending.signal)
  await clock.advance(1000)
  ending.abort(new Error('switched off'))
  await t.throwsAsync(booting, { message: 'switched off' })
  return board.disk.files()
}

function boardWith(t: ExecutionContext, files: Record<string, string>, card: CardSettings): TestBoard {
  return testBoard(t, new CrashDisk({ ...files, [settingsPath]: formatCardSettings(card) }))
}

test('whose key was taken off the card is no longer let in, and the server stops before the key goes', async t => {
  const before = await filesBefore(t, settings)
  t.regex(before[keysPath] ?? '', /alice/)
  const { sshKeys: _, ...corrected } = settings
  const board = boardWith(t, before, corrected)
  board.answers[sshOff] = { status: 1, stdout: '', stderr: 'not now' }
  const clock = new FakeClock()
  const booting = board.boot(clock)
  await clock.advance(1000)
  t.truthy(board.disk.files()[keysPath], 'as long as the server runs, something says that it must be stopped')
  delete board.answers[sshOff]
  await clock.advance(10_000)
  t.true(await booting)
  t.is(board.disk.files()[keysPath], undefined)
  t.true(board.ran.includes(sshOff))
  for (const path of wifiPaths) t.truthy(board.disk.files()[path], 'the wifi is wanted still')
})

test('whose key took the place of another on the card is let in alone', async t => {
  const before = await filesBefore(t, settings)
  const sshKeys = [(settings.sshKeys?.[0] ?? '').replace('alice', 'bob')]
  const board = boardWith(t, before, { ...settings, sshKeys })
  t.true(await board.boot(new FakeClock()))
  t.is(board.disk.files()[keysPath], `${sshKeys[0]}\n`)
})

test('a wifi that was taken off the card is left, and its key is forgotten', async t => {
  const before = await filesBefore(t, settings)
  for (const path of wifiPaths) t.truthy(before[path])
  const { wifi: _, ...corrected } = settings
  const board = boardWith(t, before, corrected)
  t.true(await board.boot(new FakeClock()))
  for (const path of wifiPaths) t.is(board.disk.files()[path], undefined)
  t.false(JSON.stringify(board.disk.files()).includes(settings.wifi?.key ?? '?'))
  t.true(board.ran.indexOf(wifiOff) < board.ran.indexOf('systemctl restart --no-block systemd-networkd.service'))
  t.truthy(board.disk.files()[keysPath], 'the keys are wanted still')
})

test('a first start without wifi and keys has nothing to take back, nor is a stock image touched', async t => {
  const { wifi: _, sshKeys: __, ...bare } = settings
  const board = testBoard(t, new CrashDisk(ownImage(bare)))
  t.true(await board.boot(new FakeClock()))
  t.deepEqual(
    board.ran.filter(command => /ssh|wpa/.test(command)),
    [],
  )
  const own = { [keysPath]: 'mine\n', [wifiPaths[1]]: 'mine\n' }
  const stock = testBoard(t, new CrashDisk({ ...ownImage(bare), ...own }), { isOwnImage: false })
  t.true(await stock.boot(new FakeClock()))
  t.like(stock.disk.files(), own)
})

for (const luck of ['unsynced kept', 'unsynced lost'] as Luck[]) {
  test(`a power cut before any operation of taking back ends well at the next start (${luck})`, async t => {
    const before = await filesBefore(t, settings)
    const { wifi: _, sshKeys: __, ...corrected } = settings
    const straight = boardWith(t, before, corrected)
    await straight.boot(new FakeClock())
    const wanted = withoutTime(straight.disk.files())
    for (let cut = 0; cut < straight.disk.operations; cut++) {
      const board = boardWith(t, before, corrected)
      await bootThroughCuts(board, [cut, cut % 5], luck)
      t.deepEqual(withoutTime(board.disk.files()), wanted, `cut after ${cut} operations`)
      t.true(board.ran.includes(wifiOff) && board.ran.includes(sshOff))
    }
  })
}
