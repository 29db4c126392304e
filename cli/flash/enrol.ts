/** Lets a board in before its card is written: the node that it will be, and a token for its name alone. Undone when writing fails. */
import { findCondition } from '../../contract/resources/conditions.ts'
import { expectedSinceAnnotation, expectedUntilAnnotation, isExpected } from '../../contract/resources/expected-node.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { Node } from '../../contract/resources/node.ts'
import type { JoinToken } from '../../contract/resources/trust.ts'
import { formatTicket } from '../../contract/wire/join.ts'
import { type Clock, rfc3339 } from '../../kit/clock.ts'
import { CodedError, hasCode, messageOf } from '../../kit/errors.ts'
import type { Random } from '../../kit/random.ts'
import type { ApiClient, Invitation } from '../api-client.ts'
import { createJoinToken, revokeJoinToken } from '../join-token.ts'
import { kindNamed, targetOf } from '../resource-args.ts'

export interface EnrolParts {
  api: ApiClient
  clock: Clock
  random: Random
  labels: Record<string, string>
  ttlMs: number
  /** Instead of those that the master names. */
  masters: string[]
  replace: boolean
  warn: (line: string) => void
}

export interface Enrolment {
  ticket: string
  /** Undefined for a line that was made elsewhere. */
  tokenId: string | undefined
  /** RFC 3339. */
  expires: string | undefined
  /** The card is written: tokens of earlier cards of this name are worth nothing any more. */
  settle(): Promise<void>
  /** Nothing stays. Never rejects: what could not be undone is told. */
  undo(): Promise<void>
}

const nodes = (name?: string): ReturnType<typeof targetOf> => targetOf(kindNamed('nodes'), undefined, name)
const tokens = (): ReturnType<typeof targetOf> => targetOf(kindNamed('jointokens'), undefined)

/** Whether these boards may be flashed: before anything is asked or erased. Rejects with `AlreadyExists`, `Forbidden` … */
export async function checkNames({ api, replace, labels, warn }: EnrolParts, names: string[]): Promise<Invitation> {
  const invitation = await api.invite()
  for (const name of names) {
    const node = await findNode(api, name)
    if (node && isLiving(node) && !replace) {
      const ways =
        'choose another --hostname, or take its place with --replace (turn the living board off before the new one starts)'
      throw new CodedError(
        'AlreadyExists',
        `cannot flash a card for ${name}: because a living board has this name: ${ways}`,
      )
    }
    if (node && isExpected(node))
      warn(`A card for ${name} was flashed before and never started: it will be worth nothing.`)
    else if (node && !isLiving(node))
      warn(`${name} is known and silent: the new card takes its place, with its labels.`)
    // Labels are only for whoever may write nodes: that shows now, and not when the card is written.
    if (!node && Object.keys(labels).length > 0) await api.create(nodes(), nodeFor(name, labels), { dryRun: true })
  }
  return invitation
}

export async function enrol(parts: EnrolParts, name: string, invitation: Invitation): Promise<Enrolment> {
  const { api, random, clock, ttlMs, masters, warn } = parts
  const expires = rfc3339(clock.now() + ttlMs)
  const expectation = await expect(parts, name, expires)
  const { node } = expectation
  const owner = node && { apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid ?? '' }
  const wish = { uses: 1, nodeName: name, expirationTimestamp: expires, ...(owner && { owner }) }
  const token = await createJoinToken(api, random, wish).catch(async error => {
    await expectation.undo()
    throw error
  })
  const addresses = masters.length > 0 ? masters : invitation.addresses
  return {
    ticket: formatTicket({ ...invitation, addresses, token }),
    tokenId: token.id,
    expires,
    async settle() {
      await expectation.settle()
      await revokeEarlier(parts, name, token.id)
    },
    async undo() {
      const what = { what: `cannot take back the token of ${name}`, way: `flotilla token revoke ${token.id}`, warn }
      await attempt(what, async () => {
        await revokeJoinToken(api, token.id)
        warn(`The token of ${name} was taken back.`)
      })
      await expectation.undo()
    },
  }
}

interface Expectation {
  /** Undefined when we may not make nodes: the board makes its own when it joins. */
  node: Node | undefined
  settle(): Promise<void>
  undo(): Promise<void>
}

async function expect(parts: EnrolParts, name: string, expires: string): Promise<Expectation> {
  const { api, clock, labels, warn } = parts
  const annotations = { [expectedSinceAnnotation]: rfc3339(clock.now()), [expectedUntilAnnotation]: expires }
  const nothing = async (): Promise<void> => undefined
  const before = await findNode(api, name)
  if (before) {
    const metadata = { labels, ...(isExpected(before) && { annotations }) }
    const what = { what: `cannot write the labels of ${name}`, way: 'write them yourself', warn }
    const settle = (): Promise<void> =>
      attempt(what, async () => {
        if (Object.keys({ ...metadata.labels, ...metadata.annotations }).length > 0)
          await api.patch(nodes(name), { metadata })
      })
    return { node: before, settle, undo: nothing }
  }
  try {
    const { object } = await api.create(nodes(), nodeFor(name, labels, annotations))
    const what = { what: `cannot forget that ${name} is expected`, way: `flotilla delete node ${name}`, warn }
    const undo = (): Promise<void> =>
      attempt(what, async () => {
        await api.delete(nodes(name), { uid: object.metadata.uid ?? '' })
      })
    return { node: object as unknown as Node, settle: nothing, undo }
  } catch (error) {
    // Whoever may make tokens and no nodes may still let a board in.
    if (!hasCode(error, 'Forbidden') || Object.keys(labels).length > 0) throw error
    warn(`${name} will show in "get nodes" when it has joined: ${messageOf(error)}`)
    return { node: undefined, settle: nothing, undo: nothing }
  }
}

/** Of cards of this name that never started. What we may not see or end ends by itself. */
async function revokeEarlier(parts: EnrolParts, name: string, newest: string): Promise<void> {
  const { api, warn } = parts
  const what = { what: `cannot take back the tokens of earlier cards of ${name}`, way: 'flotilla token list', warn }
  await attempt(what, async () => {
    const { items } = await api.list(tokens())
    const earlier = (items as unknown as JoinToken[]).filter(({ metadata, spec, status }) => {
      const isOfCard = metadata.ownerReferences?.some(owner => owner.kind === 'Node' && owner.name === name) === true
      return isOfCard && spec.nodeName === name && metadata.name !== newest && (status?.used ?? []).length === 0
    })
    for (const { metadata } of earlier) await revokeJoinToken(api, metadata.name)
  })
}

interface Attempt {
  what: string
  way: string
  warn: EnrolParts['warn']
}

/** What is gone already is as it should be; anything else that goes wrong is told, with what to do about it. */
async function attempt({ what, way, warn }: Attempt, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!hasCode(error, 'NotFound')) warn(`${what}: because ${messageOf(error)}: ${way}`)
  }
}

async function findNode(api: ApiClient, name: string): Promise<Node | undefined> {
  try {
    return (await api.get(nodes(name))) as unknown as Node
  } catch (error) {
    // Who may let boards in need not be one who may look at them: the master refuses a name that lives all the same.
    if (hasCode(error, 'NotFound', 'Forbidden')) return undefined
    throw error
  }
}

function isLiving(node: Node): boolean {
  return findCondition(node.status?.conditions, 'Ready')?.status === 'True'
}

function nodeFor(name: string, labels: Record<string, string>, annotations: Record<string, string> = {}): AnyObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels, annotations }, spec: {} }
}
