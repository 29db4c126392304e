/** `flotilla token`: what lets a board join, shown once. */
import { checkNodeName } from '../../contract/wire/identity.ts'
import { formatTicket } from '../../contract/wire/join.ts'
import { withSession } from '../connect.ts'
import { describeFailure } from '../failure.ts'
import type { RunCommand } from '../fleet.ts'
import { createJoinToken, revokeJoinToken } from '../join-token.ts'
import { type Options, readOptions } from '../options.ts'
import { UsageError } from '../usage-error.ts'
import { runGet } from './get.ts'

const defaultTtlMs = 60 * 60 * 1000

export const runTokenCreate: RunCommand = async (input, { terminal, openBus }) => {
  const options = readOptions(input)
  const wish = readWish(options)
  return withSession(input, { terminal, openBus }, async session => {
    // First: a token that nobody can be told the way for is of no use.
    const invitation = await session.api.invite()
    const expirationTimestamp = new Date(terminal.clock.now() + wish.ttlMs).toISOString()
    const token = await createJoinToken(session.api, terminal.random, { ...wish, expirationTimestamp })
    const ticket = formatTicket({ ...invitation, token })
    if (options.text('output') === 'json') {
      const { uses, nodeName } = wish
      const told = { id: token.id, ticket, expirationTimestamp, uses, ...(nodeName !== undefined && { nodeName }) }
      terminal.print(`${JSON.stringify(told, null, 4)}\n`)
      return 0
    }
    terminal.print(`${ticket}\n`)
    if (terminal.size()) terminal.warn('On the board, run this, and paste the line there: sudo flotilla join\n')
    return 0
  })
}

export const runTokenList: RunCommand = (input, fleet) => runGet({ ...input, arguments: ['jointokens'] }, fleet)

export const runTokenRevoke: RunCommand = (input, { terminal, openBus }) =>
  withSession(input, { terminal, openBus }, async ({ api }) => {
    let failures = 0
    for (const id of input.arguments) {
      try {
        await revokeJoinToken(api, id)
        terminal.print(`jointoken "${id}" revoked\n`)
      } catch (error) {
        failures++
        terminal.warn(`${describeFailure(error)}\n`)
      }
    }
    return failures > 0 ? 1 : 0
  })

interface Wish {
  ttlMs: number
  uses: number
  nodeName: string | undefined
}

function readWish(options: Options): Wish {
  const [uses, nodeName] = [options.number('uses') ?? 1, options.text('node')]
  if (uses < 1) throw new UsageError('--uses must be at least 1')
  const problem = nodeName === undefined ? undefined : checkNodeName(nodeName)
  if (problem !== undefined) throw new UsageError(`--node: ${problem}`)
  return { ttlMs: options.duration('ttl') || defaultTtlMs, uses, nodeName }
}
