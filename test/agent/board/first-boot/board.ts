/** A board for tests of the first start: its disk loses power, its programs are recorded, its master is a list of answers. */
import type { ExecutionContext } from 'ava'
import { Card } from '../../../../agent/board/first-boot/card.ts'
import type { BootContext } from '../../../../agent/board/first-boot/context.ts'
import { runFirstBoot } from '../../../../agent/board/first-boot/first-boot.ts'
import type { LedSign } from '../../../../agent/board/first-boot/led.ts'
import { firstBootSteps } from '../../../../agent/board/first-boot/steps.ts'
import { Teller } from '../../../../agent/board/first-boot/teller.ts'
import type { Ended, RunProgram } from '../../../../agent/board/run-program.ts'
import type { CardSettings } from '../../../../contract/card/card-settings.ts'
import { formatCardSettings } from '../../../../contract/card/read-card.ts'
import { formatTicket, type JoinTicket } from '../../../../contract/wire/join.ts'
import { renderNetwork } from '../../../../firmware-config/render-network.ts'
import type { Clock } from '../../../../kit/clock.ts'
import { FakeClock } from '../../../../kit/fake-clock.ts'
import { createLog } from '../../../../kit/log.ts'
import { seededRandom } from '../../../../kit/random.ts'
import { type CrashDisk, type Luck, PowerCut } from '../crash-disk.ts'

export const ticket: JoinTicket = {
  cluster: 'home',
  addresses: ['192.168.1.10:8883'],
  token: { id: 'abcdef', secret: 'bcdfghjklmnpqrstvwxz245678' },
  caFingerprint: 'ab'.repeat(32),
}

export const settings: CardSettings = {
  board: 'rpi-4',
  hostname: 'board-1',
  timezone: 'Europe/Berlin',
  sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9Yp4o0mJ7cE6x2hYp3nQqgqk5o2gk1t1m9mO0s8c9v alice'],
  wifi: { ssid: 'home', key: 'ab'.repeat(32), country: 'DE' },
}

export const settingsPath = '/boot/firmware/flotilla/card.yaml'
export const joinPath = '/boot/firmware/flotilla/join'
export const statusPath = '/boot/firmware/flotilla/status.txt'

/** What our own image has, and a card. */
export function ownImage(card: CardSettings = settings): Record<string, string> {
  return {
    [settingsPath]: formatCardSettings(card),
    [joinPath]: `${formatTicket(ticket)}\n`,
    '/etc/os-release': 'ID=debian\nVARIANT_ID=flotilla\n',
    '/etc/passwd': 'root:x:0:0::/root:/bin/sh\nadmin:x:1000:1000::/home/admin:/bin/sh\n',
    '/etc/hosts': '127.0.0.1 localhost\n',
    '/usr/share/zoneinfo/Europe/Berlin': 'TZif',
    '/sys/class/tty/console/active': 'tty0 ttyAMA0\n',
    '/sys/class/net/eth0/carrier': '1\n',
    '/sys/class/rfkill/rfkill0/type': 'wlan\n',
    '/sys/class/rfkill/rfkill1/type': 'bluetooth\n',
  }
}

export interface TestBoard {
  disk: CrashDisk
  /** Commands, in order. */
  ran: string[]
  /** Names that the master gave, one a join. */
  joined: string[]
  lines: string[]
  signs: LedSign[]
  addresses: string[]
  /** Thrown instead of joining, the first of them at the first try. */
  refusals: Error[]
  answers: Record<string, Ended>
  boot(clock: Clock, signal?: AbortSignal): Promise<boolean>
}

export function testBoard(_t: ExecutionContext, disk: CrashDisk, options: { isOwnImage?: boolean } = {}): TestBoard {
  const { isOwnImage = true } = options
  const board: TestBoard = {
    ...{ disk, ran: [], joined: [], lines: [], signs: [], addresses: ['192.168.1.50'], refusals: [], answers: {} },
    boot,
  }
  const run: RunProgram = async argv => {
    const command = argv.join(' ')
    await disk.act(() => board.ran.push(command))
    const answer = board.answers[command] ?? { status: 0, stdout: '', stderr: '' }
    if (answer.status === 0) remount(disk, command)
    return answer
  }
  function boot(clock: Clock, signal = new AbortController().signal): Promise<boolean> {
    const log = createLog({ clock, write: line => board.lines.push(line) })
    const card = new Card(disk, run)
    const led = { show: async (sign: LedSign): Promise<void> => void board.signs.push(sign) }
    const teller = new Teller({ disk, card, led, log })
    const prepare = async (): Promise<BootContext> => ({
      ...{ disk, run, clock, card, isOwnImage, signal, say: () => undefined },
      tell: problem => teller.problem('waiting', problem),
      settings: await card.settings(),
      profile: { name: 'rpi-4', title: 'Pi', architecture: 'arm64', firmware: 'raspberry-pi' },
      ownAddresses: () => board.addresses,
      render: {
        network: renderNetwork,
        boardFiles: () => [{ place: 'root', path: '/etc/sysctl.d/60-flotilla.conf', content: 'x = 1\n', mode: 0o644 }],
      },
      joining: joiningAt(board),
    })
    return runFirstBoot({ disk, steps: firstBootSteps, teller, prepare, clock, random: seededRandom(1), log, signal })
  }
  return board
}

function remount(disk: CrashDisk, command: string): void {
  const [, mode, path] = /^mount -o remount,(r[wo]) (.*)/.exec(command) ?? []
  if (mode !== undefined) disk.readOnly = mode === 'ro' ? path : undefined
}

/** The master knows the board by its key: joining twice is joining once. What it has given is on the disk at once. */
function joiningAt({ disk, joined, refusals }: TestBoard): BootContext['joining'] {
  const identityPath = '/var/lib/flotilla/identity/identity.json'
  return {
    joinedAs: () => disk.read(identityPath),
    async join(_ticket, nodeName) {
      const refusal = refusals.shift()
      if (refusal) throw refusal
      if ((await disk.read(identityPath)) === nodeName) return
      await disk.act(() => joined.push(nodeName))
      await disk.create(`${identityPath}.flotilla-part`, nodeName, 0o600)
      await disk.rename(`${identityPath}.flotilla-part`, identityPath)
      await disk.syncDirectory('/var/lib/flotilla/identity')
    },
    ownTicket: async () => ticket,
  }
}

/** Until the power goes, which no program survives: the steps' own retries would find the power still off. */
export async function bootUntilCut(board: TestBoard): Promise<void> {
  const [clock, ending] = [new FakeClock(), new AbortController()]
  const booting = board.boot(clock, ending.signal).catch(error => {
    if (!(error instanceof PowerCut)) throw error
  })
  await clock.advance(1000)
  ending.abort(new PowerCut('the power is off'))
  await booting
}

/** The power goes after so many operations, then a second time, a little later, on a board that is half-way again; then it may start. */
export async function bootThroughCuts(
  board: TestBoard,
  cuts: [first: number, second: number],
  luck: Luck,
): Promise<void> {
  for (const operations of cuts) {
    board.disk.cutAfter(operations)
    await bootUntilCut(board)
    board.disk.restart(luck)
  }
  await board.boot(new FakeClock())
}

/** The one thing that may differ is when it was finished. */
export function withoutTime(files: Record<string, string>): Record<string, string> {
  const progress = files['/var/lib/flotilla/first-boot.json'] ?? ''
  return { ...files, '/var/lib/flotilla/first-boot.json': progress.replace(/"finished":"[^"]+"/, '"finished":""') }
}
