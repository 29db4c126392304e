/** `flotilla flash --inspect`: what a card or an image holds, secrets masked, and what the master knows of its token. */
import type { Wifi } from '../../contract/card/card-settings.ts'
import type { JoinToken } from '../../contract/resources/trust.ts'
import { parseTicket } from '../../contract/wire/join.ts'
import type { Input } from '../../kit/command-line.ts'
import { CodedError, hasCode } from '../../kit/errors.ts'
import { withSession } from '../connect.ts'
import { type Field, renderPage } from '../describe/page.ts'
import { formatDuration } from '../durations.ts'
import type { Fleet } from '../fleet.ts'
import { readOptions } from '../options.ts'
import { kindNamed, targetOf } from '../resource-args.ts'
import { behindSudo } from './behind-sudo.ts'
import { pathOf } from './choose-target.ts'
import { diskError } from './disk/disk-errors.ts'
import { masked, maskTicket } from './mask.ts'
import { type FoundCard, readCard } from './read-card-of.ts'

/** It can be read, and is no card of ours: neither our image nor our settings. */
export const foreignStatus = 3

export async function inspectCard(named: string, input: Input, fleet: Fleet): Promise<number> {
  const { terminal } = fleet
  const path = pathOf(named)
  const card = await readCard(path).catch(error => {
    throw diskError('inspect', path, error)
  })
  const token = card.ticket === undefined ? undefined : await tokenOf(card.ticket, input, fleet)
  const isOurs = card.settings !== undefined || card.kind?.by === 'own' || card.ticket !== undefined
  if (readOptions(input).flag('json')) terminal.print(`${JSON.stringify(asJson(card, token))}\n`)
  else terminal.print(`${renderPage(fieldsOf(card, token)).join('\n')}\n`)
  return isOurs ? 0 : foreignStatus
}

function asJson({ kind, settings, ticket, status, problems }: FoundCard, token: string | undefined): object {
  const wifi = settings?.wifi && { ...settings.wifi, ...(settings.wifi.key !== undefined && { key: masked }) }
  return {
    image: kind && { title: kind.title, by: kind.by, version: kind.version },
    settings: settings && { ...settings, ...(wifi && { wifi }) },
    join: ticket === undefined ? undefined : shownTicket(ticket),
    token,
    status,
    problems,
  }
}

function fieldsOf({ kind, settings, ticket, status, problems }: FoundCard, token: string | undefined): Field[] {
  const { wifi, address, sshKeys = [] } = settings ?? {}
  return [
    ['Image', kind?.title ?? 'unknown'],
    ['Settings', settings === undefined ? 'none: it was not written by flotilla flash' : undefined],
    ['Hostname', settings?.hostname],
    ['Board', settings?.board],
    ['Role', settings && (settings.role ?? 'node')],
    ['Wifi', wifi && `${wifi.ssid} (${wifi.country}), ${keyOf(wifi)}`],
    [
      'Address',
      settings &&
        (address
          ? [
              address.cidr,
              ...Object.values({ gateway: address.gateway, nameservers: address.nameservers?.join(', ') }).filter(
                value => value !== undefined,
              ),
            ].join(', ')
          : 'DHCP'),
    ],
    ['Timezone', settings && (settings.timezone ?? 'UTC')],
    ['SSH keys', settings && (sshKeys.length === 0 ? 'none' : sshKeys.map(shortKey))],
    [
      'Join line',
      ticket === undefined ? (settings ? 'none: used already, or a master' : undefined) : shownTicket(ticket),
    ],
    ['Token', token],
    ['Status', status],
    ['Problems', problems.length === 0 ? undefined : problems],
  ]
}

function keyOf({ key, keyIn }: Wifi): string {
  if (keyIn !== undefined) return `its key in ${keyIn}`
  return key === undefined ? 'open' : `key ${masked}`
}

function shownTicket(ticket: string): string {
  try {
    return maskTicket(ticket)
  } catch {
    // Whatever it is, it may hold a secret.
    return `${masked} (it cannot be read)`
  }
}

/** Its type, its end, and whose it is: what tells keys apart. */
function shortKey(line: string): string {
  const [type = '', body = '', ...comment] = line.split(' ')
  return [type, `…${body.slice(-8)}`, ...comment].join(' ')
}

/** What the master knows of the token; undefined when no master of its cluster can be asked. */
async function tokenOf(line: string, input: Input, fleet: Fleet): Promise<string | undefined> {
  try {
    const { cluster, token } = parseTicket(line)
    return await withSession(
      input,
      { ...fleet, terminal: await behindSudo(fleet.terminal) },
      async ({ api, context }) => {
        if (context.cluster !== cluster) return undefined
        try {
          const { spec, status } = (await api.get(
            targetOf(kindNamed('jointokens'), undefined, token.id),
          )) as unknown as JoinToken
          const leftMs = Date.parse(spec.expirationTimestamp) - fleet.terminal.clock.now()
          if ((status?.used ?? []).length >= spec.uses) return `${token.id}: used already`
          return leftMs > 0
            ? `${token.id}: good for another ${formatDuration(leftMs)}`
            : `${token.id}: ran out ${formatDuration(-leftMs)} ago`
        } catch (error) {
          if (hasCode(error, 'NotFound')) return `${token.id}: taken back, or its node was deleted`
          throw error
        }
      },
    )
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return `what it is worth, no master can tell (${error.message})`
  }
}
