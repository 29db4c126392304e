import test from 'ava'
import type { JoinToken, NodeIdentity } from '../../../contract/resources/trust.ts'
import { decideJoin, type JoinFacts } from '../../../master/trust/decide-join.ts'
import { makeJoinToken, startMs } from './rig.ts'

const used = { nodeName: 'board-1', publicKeyHash: 'mine', time: '' }

function token(spec: Partial<JoinToken['spec']> = {}, uses: (typeof used)[] = [], revision = 10): JoinToken {
  const made = makeJoinToken('abc123', spec)
  return { ...made, metadata: { ...made.metadata, resourceVersion: String(revision) }, status: { used: uses } }
}

function holder(publicKey: string, revoked = false, revision = 5): NodeIdentity {
  const metadata = { name: 'board-1', resourceVersion: String(revision) }
  const spec = { publicKey, ...(revoked && { revoked }) }
  return { apiVersion: 'flotilla.dev/v1', kind: 'NodeIdentity', metadata, spec }
}

const facts: JoinFacts = {
  ...{ name: 'board-1', publicKey: 'MINE', publicKeyHash: 'mine', token: token(), holder: undefined },
  ...{ holderIsLiving: false, nowMs: startMs },
}
const bound = { nodeName: 'board-1' }

const joins: Array<[what: string, facts: Partial<JoinFacts>, again: boolean]> = [
  ['a free name', {}, false],
  ['a token with uses left', { token: token({ uses: 2 }, [{ ...used, nodeName: 'board-2' }]) }, false],
  ['the same board again, whose answer was lost', { token: token({}, [used]), holder: holder('MINE') }, true],
  [
    'the same again while it is heard',
    { token: token({}, [used]), holder: holder('MINE'), holderIsLiving: true },
    true,
  ],
  [
    'the same again when the time of the token is over meanwhile',
    { token: token({}, [used]), holder: holder('MINE'), nowMs: startMs + 2 * 60 * 60 * 1000 },
    true,
  ],
  ['the same key with another token', { holder: holder('MINE'), holderIsLiving: true }, false],
  ['the name of a silent board, by a token bound to it', { token: token(bound), holder: holder('OTHER') }, false],
  ['a revoked name, by a token that was made later', { token: token(bound), holder: holder('OTHER', true) }, false],
]
for (const [what, given, again] of joins) {
  test(`a board may join: ${what}`, t => {
    t.deepEqual(decideJoin({ ...facts, ...given }), { type: 'join', again })
  })
}

const refusals: Array<[what: string, facts: Partial<JoinFacts>, code: string, why: RegExp]> = [
  ['a token for another name', { token: token({ nodeName: 'board-2' }) }, 'Forbidden', /for board-2 alone/],
  ['a token whose time is over', { nowMs: startMs + 2 * 60 * 60 * 1000 }, 'Expired', /run out.*flotilla token create/],
  ['a token whose time nobody can read', { token: token({ expirationTimestamp: 'soon' }) }, 'Expired', /run out/],
  ['a used-up token', { token: token({}, [{ ...used, nodeName: 'board-9' }]) }, 'Forbidden', /used up \(by board-9\)/],
  [
    'a used-up token by another key of the same name',
    { token: token({}, [{ ...used, publicKeyHash: 'x' }]) },
    'Forbidden',
    /used up/,
  ],
  [
    'a lost answer, after the key was revoked',
    { token: token({}, [used]), holder: holder('MINE', true) },
    'Forbidden',
    /used up/,
  ],
  [
    'a lost answer when the time is over, by another key',
    { token: token({ uses: 2 }, [used]), holder: holder('OTHER'), nowMs: startMs + 2 * 60 * 60 * 1000 },
    'Expired',
    /run out/,
  ],
  [
    'a lost answer, after somebody else got the name',
    { token: token({}, [used]), holder: holder('OTHER') },
    'Forbidden',
    /used up/,
  ],
  ['the name of a living board', { holder: holder('OTHER'), holderIsLiving: true }, 'AlreadyExists', /Two cards/],
  [
    'that by a bound token',
    { token: token(bound), holder: holder('OTHER'), holderIsLiving: true },
    'AlreadyExists',
    /Two cards/,
  ],
  ['the name of a silent board', { holder: holder('OTHER') }, 'AlreadyExists', /token create --node board-1/],
  ['a revoked name', { holder: holder('OTHER', true) }, 'Forbidden', /was revoked.*--node board-1/],
  [
    'a revoked name by a token of before',
    { token: token(bound, [], 4), holder: holder('OTHER', true) },
    'Forbidden',
    /was revoked/,
  ],
  [
    'a revoked key, whatever the token',
    { token: token(bound), holder: holder('MINE', true) },
    'Forbidden',
    /key.*was revoked/,
  ],
]
for (const [what, given, code, why] of refusals) {
  test(`a board may not join: ${what}`, t => {
    const decision = decideJoin({ ...facts, ...given })
    t.like(decision, { type: 'refuse', code })
    t.regex(decision.type === 'refuse' ? decision.why : '', why)
  })
}
