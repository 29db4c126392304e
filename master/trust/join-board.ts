/** A board shows a token and gets its first certificate: the token is used up and the board is known in one transaction. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { type JoinToken, type NodeIdentity, trustApiVersion } from '../../contract/resources/trust.ts'
import { checkNodeName } from '../../contract/wire/identity.ts'
import { type JoinRequest, parseToken } from '../../contract/wire/join.ts'
import { type Clock, rfc3339 } from '../../kit/clock.ts'
import { CodedError, hasCode } from '../../kit/errors.ts'
import { readCsr } from '../../kit/x509.ts'
import type { EventRecorder } from '../store/event-recorder.ts'
import type { ObjectChange, Objects } from '../store/objects.ts'
import { RateLimit } from '../store/rate-limit.ts'
import type { Authority, Issued } from './authority.ts'
import { statusOf } from './certifier.ts'
import { decideJoin, type JoinDecision, type JoinFacts } from './decide-join.ts'
import { joinTokenKind, nodeIdentityKind } from './kinds.ts'
import { joinRefused, masterComponent } from './refusals.ts'

export interface JoinBoardParts {
  authority: Authority
  objects: Objects
  events: EventRecorder
  clock: Clock
  /** Whether a board of this name is heard, or was a moment ago. */
  isLiving: (name: string) => boolean
}

/** Others may change the token or the name meanwhile; so often we look again. */
const maxAttempts = 5
/** Wrong tokens of all askers together: then one a second. A token has 134 bits. */
const wrongTokens = { burst: 20, refillMs: 1000, maxKeys: 1 }

interface Board {
  name: string
  publicKey: Buffer
  token: JoinToken
}

export class BoardJoiner {
  #parts: JoinBoardParts
  #wrong: RateLimit
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: JoinBoardParts) {
    this.#parts = parts
    this.#wrong = new RateLimit({ clock: parts.clock, ...wrongTokens })
  }

  /** Rejects with a CodedError whose text is for whoever stands in front of the board. */
  async join({ token: text, name, csr }: Extract<JoinRequest, { type: 'join' }>): Promise<Issued> {
    const token = await this.#findToken(text, name)
    const refuse = (code: CodedError['code'], why: string): CodedError =>
      joinRefused(this.#parts.events, { name, code, why, about: token })
    const problem = checkNodeName(name)
    if (problem !== undefined) throw refuse('Invalid', `the name ${problem}`)
    const { publicKey } = await readCsr(csr).catch(error => {
      throw hasCode(error, 'BadRequest', 'Invalid') ? refuse(error.code, error.message) : error
    })
    return this.#inTurn(() => this.#admit({ name, publicKey, token }))
  }

  /** The token of this text, as it is in the store now. */
  async #findToken(text: string, name: string): Promise<JoinToken> {
    const parsed = parseToken(text)
    const found = parsed && (await this.#parts.objects.get<JoinToken>(joinTokenKind, undefined, parsed.id))
    if (found && isToken(text, found.spec.tokenHash)) return found
    if (!this.#wrong.take('all')) {
      throw new CodedError(
        'TooManyRequests',
        'cannot join: because too many wrong tokens were shown just now: wait a minute',
      )
    }
    const why = 'the token is wrong, was taken back, or has run out long ago. Make another: flotilla token create'
    throw joinRefused(this.#parts.events, { name, code: 'Unauthorized', why, ...(found && { about: found }) })
  }

  /** One after the other: a rack that is switched on shows one token many times at once, and each use changes its object. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  async #admit(board: Board): Promise<Issued> {
    let issued: Issued | undefined
    for (let attempt = 1; ; attempt++) {
      const { facts, decision } = await this.#decide(board)
      if (decision.type === 'refuse') {
        const { code, why } = decision
        throw joinRefused(this.#parts.events, { name: board.name, code, why, about: facts.token })
      }
      issued ??= await this.#parts.authority.issue({ kind: 'node', name: board.name }, board.publicKey, [
        'system:nodes',
      ])
      if (decision.again) return issued
      try {
        await this.#parts.objects.commitAll(this.#changes(facts, issued))
        this.#tell(facts)
        return issued
      } catch (error) {
        if (!hasCode(error, 'Conflict', 'AlreadyExists', 'NotFound') || attempt >= maxAttempts) throw error
      }
    }
  }

  async #decide({ name, publicKey, token }: Board): Promise<{ facts: JoinFacts; decision: JoinDecision }> {
    const { objects, authority, isLiving } = this.#parts
    const current = await objects.get<JoinToken>(joinTokenKind, undefined, token.metadata.name)
    const isSame = current?.metadata.uid === token.metadata.uid && current?.spec.tokenHash === token.spec.tokenHash
    const facts: JoinFacts = {
      name,
      publicKey: publicKey.toString('base64'),
      publicKeyHash: createHash('sha256').update(publicKey).digest('hex'),
      token: current ?? token,
      holder: await objects.get<NodeIdentity>(nodeIdentityKind, undefined, name),
      holderIsLiving: isLiving(name),
      nowMs: authority.nowMs(),
    }
    const takenBack = { type: 'refuse', code: 'Unauthorized', why: 'the token was taken back just now' } as const
    return { facts, decision: current && isSame ? decideJoin(facts) : takenBack }
  }

  #changes({ name, publicKey, publicKeyHash, token, holder }: JoinFacts, { facts }: Issued): ObjectChange[] {
    const time = rfc3339(this.#parts.authority.nowMs())
    const used = [...(token.status?.used ?? []), { nodeName: name, publicKeyHash, time }]
    const identity: NodeIdentity = {
      apiVersion: trustApiVersion,
      kind: 'NodeIdentity',
      metadata: holder?.metadata ?? { name },
      spec: { publicKey },
      status: { ...statusOf(facts), joinedAt: time },
    }
    return [
      { type: 'replace', object: { ...token, status: { ...token.status, used } } as JoinToken },
      { type: holder ? 'replace' : 'create', object: identity },
    ]
  }

  #tell({ name, token, holder, publicKey }: JoinFacts): void {
    const isNewKey = holder !== undefined && holder.spec.publicKey !== publicKey
    const message = `joined by token ${token.metadata.name}${isNewKey ? ', in the place of the board that had the name' : ''}`
    this.#parts.events.record(
      { apiVersion: 'v1', kind: 'Node', name },
      { type: 'Normal', reason: 'NodeJoined', message, component: masterComponent },
    )
  }
}

/** In constant time: how long it takes says nothing of how much of it is right. */
function isToken(text: string, tokenHash: string): boolean {
  const [shown, expected] = [createHash('sha256').update(text).digest(), Buffer.from(tokenHash, 'hex')]
  return shown.length === expected.length && timingSafeEqual(shown, expected)
}
