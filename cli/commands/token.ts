/** `flotilla token`: what lets a board join. Its secret is made here and shown once; the master only ever sees its SHA-256. */
import { createHash } from 'node:crypto'
import { checkLabelName } from '../../contract/resources/names.ts'
import { type JoinToken as JoinTokenObject, trustApiVersion } from '../../contract/resources/trust.ts'
import { maxNodeNameLength } from '../../contract/wire/identity.ts'
import { formatTicket, formatToken, type JoinToken } from '../../contract/wire/join.ts'
import type { Random } from '../../kit/random.ts'
import { type Session, withSession } from '../connect.ts'
import { describeFailure } from '../failure.ts'
import type { RunCommand } from '../fleet.ts'
import { type Options, readOptions } from '../options.ts'
import { kindNamed, targetOf } from '../resource-args.ts'
import { UsageError } from '../usage-error.ts'
import { runGet } from './get.ts'

const defaultTtlMs = 60 * 60 * 1000

export const runTokenCreate: RunCommand = async (input, { terminal, openBus }) => {
  const options = readOptions(input)
  const wish = readWish(options)
  const token: JoinToken = newToken(terminal.random)
  return withSession(input, { terminal, openBus }, async session => {
    // First: a token that nobody can be told the way for is of no use.
    const invitation = await session.api.invite()
    const expirationTimestamp = new Date(terminal.clock.now() + wish.ttlMs).toISOString()
    await createToken(session, token, { ...wish, expirationTimestamp })
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
        await api.delete(targetOf(kindNamed('jointokens'), undefined, id))
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

function checkNodeName(name: string): string | undefined {
  return name.length > maxNodeNameLength ? `must be at most ${maxNodeNameLength} characters` : checkLabelName(name)
}

/** The lengths are those that join.ts reads: 123 bits of a secret. */
function newToken(random: Random): JoinToken {
  return { id: random.suffix(6), secret: random.suffix(26) }
}

async function createToken(
  { api }: Session,
  token: JoinToken,
  { uses, nodeName, expirationTimestamp }: Omit<Wish, 'ttlMs'> & { expirationTimestamp: string },
): Promise<void> {
  const tokenHash = createHash('sha256').update(formatToken(token)).digest('hex')
  const object: JoinTokenObject = {
    apiVersion: trustApiVersion,
    kind: 'JoinToken',
    metadata: { name: token.id },
    spec: { tokenHash, expirationTimestamp, uses, ...(nodeName !== undefined && { nodeName }) },
  }
  await api.create(targetOf(kindNamed('jointokens'), undefined), { ...object, spec: { ...object.spec } })
}
