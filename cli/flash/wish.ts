/** What somebody wants flashed, read from the command line and checked before anything is opened. */
import type { CardSettings, StaticAddress } from '../../contract/card/card-settings.ts'
import { checkAddress, followingCidr, isSameNetwork } from '../../contract/card/check-address.ts'
import { checkCountry, checkTimezone } from '../../contract/card/check-card.ts'
import { checkSsid } from '../../contract/card/wifi-key.ts'
import { checkLabelValue, checkQualifiedName } from '../../contract/resources/names.ts'
import { checkNodeName } from '../../contract/wire/identity.ts'
import { isMasterAddress } from '../../contract/wire/join.ts'
import type { Input } from '../../kit/command-line.ts'
import { type Options, readOptions } from '../options.ts'
import { UsageError } from '../usage-error.ts'

export interface FlashWish {
  /** As typed: a drive or a file. */
  target: string | undefined
  board: string | undefined
  /** The first card's. */
  hostname: string | undefined
  count: number
  role: 'node' | 'master'
  image: string | undefined
  package: string | undefined
  wifi: { ssid: string; passwordFile: string | undefined; country: string | undefined } | undefined
  sshKeyFiles: string[]
  /** The first card's. */
  address: StaticAddress | undefined
  timezone: string | undefined
  labels: Record<string, string>
  ttlMs: number
  masters: string[]
  joinFile: string | undefined
  replace: boolean
  dryRun: boolean
  json: boolean
  yes: boolean
  force: string | undefined
  verify: boolean
}

export const maxCards = 100
const minTtlMs = 60_000

/** Throws UsageError. */
export function readWish(input: Input): FlashWish {
  const options = readOptions(input)
  const [target] = input.arguments
  const count = options.number('count') ?? 1
  if (count < 1 || count > maxCards) throw new UsageError(`--count must be 1 to ${maxCards}`)
  const wish: FlashWish = {
    target,
    board: options.text('board'),
    hostname: checked('--hostname', options.text('hostname'), checkNodeName),
    count,
    role: options.text('role') === 'master' ? 'master' : 'node',
    image: options.text('image'),
    package: options.text('package'),
    wifi: readWifi(options),
    sshKeyFiles: options.list('sshKey'),
    address: readAddress(options, count),
    timezone: checked('--timezone', options.text('timezone'), timezoneProblem),
    labels: readLabels(options.text('labels')),
    ttlMs: options.duration('ttl') ?? 0,
    masters: options.list('master').map(readMaster),
    joinFile: options.text('joinFile'),
    replace: options.flag('replace'),
    dryRun: options.flag('dryRun'),
    json: options.flag('json'),
    yes: options.flag('yes'),
    force: options.text('force'),
    verify: !options.isOff('verify'),
  }
  checkTogether(wish)
  return wish
}

/** `board-1` and three cards: board-1, board-2, board-3. A number keeps its width: rack-09, rack-10. Throws UsageError. */
export function namesOf(first: string, count: number): string[] {
  if (count === 1) return [first]
  const [, stem = '', digits = ''] = /^(.*?)(\d*)$/.exec(first) ?? []
  const start = digits === '' ? 1 : Number(digits)
  const names = Array.from({ length: count }, (_, index) => {
    const number = String(start + index).padStart(digits.length, '0')
    return digits === '' ? `${stem}-${number}` : `${stem}${number}`
  })
  for (const name of names) checked('--hostname', name, checkNodeName)
  return names
}

/** What the card of this place in the row says, but for what is asked for and read from files. */
export function settingsOf(
  wish: FlashWish,
  { board, hostname, index }: { board: string; hostname: string; index: number },
): CardSettings {
  const { role, timezone, address } = wish
  return {
    board,
    hostname,
    ...(role === 'master' && { role }),
    ...(address && { address: { ...address, cidr: followingCidr(address.cidr, index) } }),
    ...(timezone !== undefined && { timezone }),
  }
}

function checkTogether(wish: FlashWish): void {
  const { role, joinFile, count, masters, labels, replace, ttlMs } = wish
  if (ttlMs < minTtlMs) throw new UsageError('--ttl must be 1m or more')
  if (joinFile !== undefined && count > 1)
    throw new UsageError('--join-file is for one card: a line that several boards join by would be worth stealing')
  if (joinFile !== undefined && masters.length > 0)
    throw new UsageError('--join-file says already where the master is: leave out --master')
  if (joinFile !== undefined && (Object.keys(labels).length > 0 || replace))
    throw new UsageError(
      `${replace ? '--replace' : '--labels'} is said to a master, and with --join-file none is asked: say it where the line is made`,
    )
  if (role !== 'master') return
  const given =
    joinFile !== undefined
      ? '--join-file'
      : masters.length > 0
        ? '--master'
        : Object.keys(labels).length > 0
          ? '--labels'
          : undefined
  if (given !== undefined)
    throw new UsageError(`${given} is for nodes of a cluster that there is: a master begins its own`)
  if (count > 1) throw new UsageError('--role master is for one card: the others join it as nodes')
}

function readWifi(options: Options): FlashWish['wifi'] {
  const ssid = checked('--wifi', options.text('wifi'), checkSsid)
  const [passwordFile, given] = [options.text('wifiPasswordFile'), options.text('wifiCountry')]
  const country = checked('--wifi-country', given?.toUpperCase(), checkCountry)
  if (ssid !== undefined) return { ssid, passwordFile, country }
  const stray =
    passwordFile !== undefined ? '--wifi-password-file' : country !== undefined ? '--wifi-country' : undefined
  if (stray !== undefined) throw new UsageError(`${stray} needs the name of the wifi: --wifi SSID`)
  return undefined
}

function readAddress(options: Options, count: number): StaticAddress | undefined {
  const cidr = options.text('address') ?? 'dhcp'
  const [gateway, nameservers] = [options.text('gateway'), options.list('nameserver')]
  if (cidr === 'dhcp') {
    const stray = gateway !== undefined ? '--gateway' : nameservers.length > 0 ? '--nameserver' : undefined
    if (stray !== undefined) throw new UsageError(`${stray} needs a fixed address: --address 192.168.1.20/24`)
    return undefined
  }
  const address = { cidr, ...(gateway !== undefined && { gateway }), ...(nameservers.length > 0 && { nameservers }) }
  for (let index = 0; index < count; index++) {
    const one = index === 0 ? address : { ...address, cidr: followingCidr(cidr, index) }
    const [problem] = checkAddress(one, 'address')
    if (problem)
      throw new UsageError(
        `--${problem.path
          .replace('address.cidr', 'address')
          .replace(/^address\./, '')
          .replace(/s\[\d+\]$/, '')}: ${problem.message}`,
      )
    if (!isSameNetwork(cidr, one.cidr))
      throw new UsageError(`--address: the network of ${cidr} has no ${count} addresses from there on`)
    if (gateway !== undefined && one.cidr.startsWith(`${gateway}/`))
      throw new UsageError(`--gateway: ${gateway} is the address of a board as well`)
  }
  return address
}

function readLabels(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').filter(pair => pair !== '')
  return Object.fromEntries(
    pairs.map(pair => {
      const [key = '', ...rest] = pair.split('=')
      if (rest.length !== 1) throw new UsageError(`--labels: ${JSON.stringify(pair)} is not KEY=VALUE`)
      const problem = checkQualifiedName(key) ?? checkLabelValue(rest[0] ?? '')
      if (problem !== undefined) throw new UsageError(`--labels: ${problem}`)
      return [key, rest[0] ?? '']
    }),
  )
}

function readMaster(text: string): string {
  if (isMasterAddress(text)) return text
  throw new UsageError(`--master: ${JSON.stringify(text)} is not HOST:PORT, such as 192.168.1.10:8883`)
}

function timezoneProblem(name: string): string | undefined {
  const problem = checkTimezone(name)
  if (problem !== undefined) return problem
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return undefined
  } catch {
    // RangeError is how it says that it knows none of that name.
    return `there is no time zone ${name}: use a name such as Europe/Berlin`
  }
}

function checked(
  flag: string,
  value: string | undefined,
  check: (text: string) => string | undefined,
): string | undefined {
  const problem = value === undefined ? undefined : check(value)
  if (problem !== undefined) throw new UsageError(`${flag}: ${problem}`)
  return value
}
