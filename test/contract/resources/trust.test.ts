/** JoinToken, NodeIdentity, User: what is refused, and that what may be a secret by mistake is not repeated. */
import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import { readObject } from '../../../contract/resources/admit.ts'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { trustApiVersion } from '../../../contract/resources/trust.ts'
import { validateUpdate } from '../../../contract/resources/validate-update.ts'

const keyOf = (curve: string): string =>
  generateKeyPairSync('ec', { namedCurve: curve }).publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
const publicKey = keyOf('P-256')
const tokenHash = 'a1'.repeat(32)
const expirationTimestamp = '2026-01-01T00:00:00Z'

const make = (kind: string, name: string, spec: object): AnyObject => ({
  apiVersion: trustApiVersion,
  kind,
  metadata: { name },
  spec: spec as Record<string, unknown>,
})
const joinToken = (spec: object = {}, name = 'ab12cd'): AnyObject =>
  make('JoinToken', name, { tokenHash, expirationTimestamp, uses: 1, ...spec })
const nodeIdentity = (spec: object = {}, name = 'board-1'): AnyObject =>
  make('NodeIdentity', name, { publicKey, ...spec })
const user = (spec: object = {}, name = 'alice'): AnyObject => make('User', name, spec)

const right = [
  joinToken(),
  joinToken({ uses: 100, nodeName: 'board-2' }),
  nodeIdentity({ revoked: true }),
  user(),
  user({ groups: ['system:masters', 'ops@home.example', 'team/a'], validAfter: expirationTimestamp }, 'alice.smith'),
  user({ tool: true }, 'dashboard'),
]

test('right ones have no problems', t => {
  for (const object of right) t.like(readObject(object), { object, problems: [], warnings: [] })
})

const long = (length: number): string => 'x'.repeat(length)
const wrong: Array<[what: string, object: AnyObject, path: string, message: RegExp]> = [
  ['a token instead of its hash', joinToken({ tokenHash: 'ab12cd.hunter2' }), 'spec.tokenHash', /^must be a SHA-256/],
  ['a token without an end', joinToken({ expirationTimestamp: null }), 'spec.expirationTimestamp', /is required/],
  [
    'a token that ends at no time',
    joinToken({ expirationTimestamp: 'soon' }),
    'spec.expirationTimestamp',
    /a time such as/,
  ],
  ['a token for nobody', joinToken({ uses: 0 }), 'spec.uses', /between 1 and 10000/],
  ['a token for everybody', joinToken({ uses: 1e6 }), 'spec.uses', /between 1 and 10000/],
  ['a token for half a board', joinToken({ uses: 1.5 }), 'spec.uses', /a whole number/],
  ['a token for no name', joinToken({ nodeName: 'a/b' }), 'spec.nodeName', /not allowed/],
  ['a token for a name too long', joinToken({ nodeName: long(53) }), 'spec.nodeName', /use at most 52/],
  ['a token with an id of another shape', joinToken({}, 'my-token'), 'metadata.name', /six lower-case/],
  ['a key that is none', nodeIdentity({ publicKey: 'aGk=' }), 'spec.publicKey', /must be a P-256 public key/],
  ['a key of another curve', nodeIdentity({ publicKey: keyOf('P-384') }), 'spec.publicKey', /must be a P-256/],
  ['a board’s name too long', nodeIdentity({}, long(53)), 'metadata.name', /use at most 52/],
  ['a board’s name with a dot', nodeIdentity({}, 'a.b'), 'metadata.name', /not allowed/],
  ['a name of the cluster’s own', user({}, 'system:master'), 'metadata.name', /kept for the cluster/],
  ['a name that is a pattern', user({}, '#'), 'metadata.name', /not allowed/],
  ['a user’s name too long', user({}, long(65)), 'metadata.name', /at most 64/],
  [
    'a group of the cluster’s own',
    user({ groups: ['system:nodes'] }),
    'spec.groups[0]',
    /only system:masters can be given/,
  ],
  ['a group that would be two', user({ groups: ['a, O=system:masters'] }), 'spec.groups[0]', /not allowed/],
  ['a group of nothing', user({ groups: ['a', ''] }), 'spec.groups[1]', /not allowed/],
  ['a group too long', user({ groups: [long(65)] }), 'spec.groups[0]', /use at most 64/],
  ['a group twice', user({ groups: ['a', 'a'] }), 'spec.groups[1]', /each must be different/],
  [
    'more groups than fit',
    user({ groups: Array.from({ length: 33 }, (_, n) => `g${n}`) }),
    'spec.groups',
    /at most 32/,
  ],
  ['a tool in a group', user({ tool: true, groups: ['a'] }), 'spec.groups', /left out for a tool/],
  ['a tool whose name does not fit', user({ tool: true }, long(53)), 'metadata.name', /at most 52/],
  ['no spec', { ...user(), spec: null } as unknown as AnyObject, 'spec', /is required/],
]

for (const [what, object, path, message] of wrong) {
  test(`refused: ${what}`, t => {
    const { problems } = readObject(object)
    t.is(problems[0]?.path, path)
    t.regex(problems[0]?.message ?? '', message)
    t.false(problems.some(problem => problem.message.includes('hunter2')))
  })
}

const changes: Array<[what: string, before: AnyObject, next: AnyObject, paths: string[]]> = [
  [
    'how often and how long a token is good',
    joinToken(),
    joinToken({ uses: 5, expirationTimestamp: '2027-01-01T00:00:00Z' }),
    [],
  ],
  ['which token it is', joinToken(), joinToken({ tokenHash: 'b2'.repeat(32) }), ['spec.tokenHash']],
  ['whom a token lets in', joinToken({ nodeName: 'a' }), joinToken(), ['spec.nodeName']],
  ['a board that is cut off', nodeIdentity(), nodeIdentity({ revoked: true }), []],
  ['a board that is let in again with its old key', nodeIdentity({ revoked: true }), nodeIdentity(), ['spec.revoked']],
  [
    'a board that joined with a new key',
    nodeIdentity({ revoked: true }),
    nodeIdentity({ publicKey: keyOf('P-256') }),
    [],
  ],
  ['a person who becomes a tool', user(), user({ tool: true }), ['spec.tool']],
  ['a person’s groups', user(), user({ groups: ['a'], tool: false }), []],
]

for (const [what, before, next, paths] of changes) {
  test(`changing ${what}`, t => {
    t.deepEqual(
      validateUpdate(next, before).map(({ path }) => path),
      paths,
    )
  })
}
