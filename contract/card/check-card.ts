/** Whether a value is a card's settings: a table of the fields, each with its rule. Pure. */
import type { Problem } from '../../kit/errors.ts'
import { checkLabelName } from '../resources/names.ts'
import { checkNodeName } from '../wire/identity.ts'
import type { CardSettings, StaticAddress, Wifi } from './card-settings.ts'
import { checkAddress } from './check-address.ts'
import { checkSshKey } from './ssh-key.ts'
import { checkSsid, isWifiKey } from './wifi-key.ts'

export const maxSshKeys = 16
const maxShownKey = 40

/** What is wrong with a value at its place; empty when nothing is. */
type Check = (value: unknown, place: string) => Problem[]
/** A rule for every field of the type: the compiler tells when one was forgotten. */
type Fields<T> = { [Name in keyof T]-?: Check }

/** All that is wrong with it. */
export function checkCardSettings(value: unknown): Problem[] {
  return checkFields(settingsFields, ['board', 'hostname'])(value, '')
}

/** What is wrong with a time zone's name; undefined when nothing is. Whether there is one, the board's own list knows. */
export function checkTimezone(name: string): string | undefined {
  const isName = name.length <= 64 && /^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+){0,2}$/.test(name)
  return isName ? undefined : `${shown(name)} is no time zone: use a name such as Europe/Berlin`
}

export function checkCountry(code: string): string | undefined {
  return /^[A-Z]{2}$/.test(code) ? undefined : `${shown(code)} is no country: use its two letters, such as DE or GB`
}

const wifiFields: Fields<Wifi> = {
  ssid: ruled(checkSsid),
  key: ruled(key =>
    isWifiKey(key)
      ? undefined
      : 'must be 64 hexadecimal digits in lower case, which "flotilla flash" makes of the passphrase',
  ),
  keyIn: ruled(path =>
    /^[a-z0-9./-]{1,100}$/.test(path) ? undefined : 'must be the path of a file on the boot partition',
  ),
  country: ruled(checkCountry),
}

const addressFields: Fields<StaticAddress> = {
  cidr: ruled(() => undefined),
  gateway: ruled(() => undefined),
  nameservers: listOf(
    ruled(() => undefined),
    16,
  ),
}

const settingsFields: Fields<CardSettings> = {
  board: ruled(checkLabelName),
  // The host's name becomes the node's.
  hostname: ruled(checkNodeName),
  role: ruled(role => (['node', 'master'].includes(role) ? undefined : 'must be node or master')),
  wifi: checkFields(wifiFields, ['ssid', 'country']),
  sshKeys: listOf(ruled(checkSshKey), maxSshKeys),
  address: (value, place) => {
    const problems = checkFields(addressFields, ['cidr'])(value, place)
    return problems.length > 0 ? problems : checkAddress(value as StaticAddress, place)
  },
  timezone: ruled(checkTimezone),
}

function checkFields<T extends object>(fields: Fields<T>, required: ReadonlyArray<keyof T & string>): Check {
  return (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return [{ path: place, message: 'must be a map' }]
    const at = (name: string): string => (place === '' ? name : `${place}.${name}`)
    const missing = required.filter(name => !Object.hasOwn(value, name))
    const found = Object.entries(value).flatMap(([name, member]) => {
      const check = Object.hasOwn(fields, name) ? fields[name as keyof T] : undefined
      if (check !== undefined) return check(member, at(name))
      const known = Object.keys(fields).join(', ')
      return [{ path: at(name.slice(0, maxShownKey)), message: `is not known: there are ${known}` }]
    })
    return [...missing.map(name => ({ path: at(name), message: 'is missing' })), ...found]
  }
}

function listOf(check: Check, max: number): Check {
  return (value, place) => {
    if (!Array.isArray(value)) return [{ path: place, message: 'must be a list' }]
    if (value.length > max) return [{ path: place, message: `has ${value.length} entries: at most ${max}` }]
    return value.flatMap((member, index) => check(member, `${place}[${index}]`))
  }
}

function ruled(rule: (text: string) => string | undefined): Check {
  return (value, path) => {
    const message = typeof value === 'string' ? rule(value) : 'must be text: put it in quotes'
    return message === undefined ? [] : [{ path, message }]
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > maxShownKey ? `${text.slice(0, maxShownKey)}…` : text)
}
