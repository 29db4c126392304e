/** What a card needs to know of a wifi: its key, made of a passphrase that stays here, and the country whose channels are lawful. */
import { readFile } from 'node:fs/promises'
import type { Wifi } from '../../contract/card/card-settings.ts'
import { checkCountry } from '../../contract/card/check-card.ts'
import { checkPassphrase, deriveWifiKey } from '../../contract/card/wifi-key.ts'
import { messageOf } from '../../kit/errors.ts'
import { readStdin } from '../read-stdin.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { askLine, askUnseen, canAsk } from './ask.ts'
import type { FlashWish } from './wish.ts'

type WifiWish = NonNullable<FlashWish['wifi']>

const maxBytes = 1024
const maxTries = 3
const variable = 'FLOTILLA_WIFI_PASSWORD'

/** Throws UsageError when nobody is there to be asked for what is missing. */
export async function resolveWifi(wish: WifiWish, terminal: Terminal): Promise<Wifi> {
  const passphrase = (await givenPassphrase(wish, terminal)) ?? (await askPassphrase(wish, terminal))
  const country = wish.country ?? countryOf(terminal.env) ?? (await askCountry(terminal))
  const { ssid } = wish
  return { ssid, country, ...(passphrase !== '' && { key: deriveWifiKey(ssid, passphrase) }) }
}

/** `de_CH.UTF-8` is spoken in CH; `C.UTF-8` nowhere. */
export function countryOf(env: Terminal['env']): string | undefined {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return /^[a-z]{2,3}_([A-Z]{2})\b/.exec(locale)?.[1]
}

async function givenPassphrase({ passwordFile }: WifiWish, { stdin, env }: Terminal): Promise<string | undefined> {
  const from = passwordFile === undefined ? `$${variable}` : passwordFile === '-' ? 'stdin' : passwordFile
  const text = passwordFile === undefined ? env[variable] : await readPassword(passwordFile, stdin)
  if (text === undefined) return undefined
  const passphrase = text.replace(/\r?\n[\s\S]*$/, '')
  const problem = checkPassphrase(passphrase)
  if (problem !== undefined) throw new UsageError(`cannot use the passphrase of ${from}: because ${problem}`)
  return passphrase
}

async function readPassword(path: string, stdin: Terminal['stdin']): Promise<string> {
  if (path === '-') return (await readStdin(stdin, maxBytes)).toString('utf8')
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`cannot read the passphrase of the wifi: because ${messageOf(error)}`)
  }
}

/** Empty: an open network. */
async function askPassphrase({ ssid }: WifiWish, terminal: Terminal): Promise<string> {
  if (!canAsk(terminal))
    throw new UsageError(
      `the passphrase of ${ssid} is missing, and nobody is here to say it: --wifi-password-file FILE, or $${variable}`,
    )
  for (let attempt = 1; ; attempt++) {
    const passphrase = await askUnseen(`Passphrase of the wifi ${ssid} (not shown; empty for an open one): `, terminal)
    const problem = passphrase === '' ? undefined : checkPassphrase(passphrase)
    // Nobody saw it, and a slip would only show when the board stays away.
    const isRepeated =
      problem === undefined && (passphrase === '' || (await askUnseen('Once more: ', terminal)) === passphrase)
    if (isRepeated) return passphrase
    const why = problem ?? 'the two are not the same'
    if (attempt === maxTries) throw new UsageError(`cannot take the passphrase: because ${why}`)
    terminal.warn(`${why[0]?.toUpperCase()}${why.slice(1)}.\n`)
  }
}

async function askCountry(terminal: Terminal): Promise<string> {
  if (!canAsk(terminal))
    throw new UsageError('the country of the wifi is missing, whose channels are lawful: --wifi-country DE')
  const country = (
    await askLine('Country where the board will be, two letters such as DE or GB: ', terminal)
  ).toUpperCase()
  const problem = checkCountry(country)
  if (problem !== undefined) throw new UsageError(problem)
  return country
}
