/** Identities, topics and filters for property tests, near enough to the table that many of them are allowed. */
import fc from 'fast-check'
import { type Identity, usernameOf } from '../../contract/wire/identity.ts'
import { topicsOf } from '../../contract/wire/topics.ts'

const names = fc.constantFrom('a', 'b', 'board-1')
export const arbitraryClientId = fc.constantFrom('c1', 'c2', 'a', 'system:joining')

export const arbitraryIdentity: fc.Arbitrary<Identity> = fc.oneof(
  fc.constant<Identity>({ kind: 'joining' }),
  fc.constant<Identity>({ kind: 'master' }),
  names.map<Identity>(name => ({ kind: 'node', name })),
  names.map<Identity>(name => ({ kind: 'user', name })),
  names.map<Identity>(name => ({ kind: 'tool', name })),
  fc.tuple(names, names).map<Identity>(([namespace, name]) => ({ kind: 'serviceAccount', namespace, name })),
)

const level = fc.oneof(
  names,
  arbitraryClientId,
  arbitraryIdentity.map(usernameOf),
  fc.constantFrom(
    '',
    '$SYS',
    'requests',
    'replies',
    'presence',
    'wish',
    'docs',
    'streams',
    'up',
    'down',
    'report',
    'beat',
  ),
)
const first = fc.constantFrom('nodes', 'clients', 'join', 'network', 'master', 'presence')
const wild = fc.oneof({ weight: 3, arbitrary: level }, { weight: 1, arbitrary: fc.constant('+') })

const root = topicsOf('home').root
const roots = fc.oneof(
  { weight: 8, arbitrary: fc.constant(root) },
  { weight: 1, arbitrary: fc.constantFrom('', topicsOf('other').root) },
)

/** Shapes that the table knows, with a level or two changed. */
const shapes = [
  ['join', '*', 'requests'],
  ['join', '*', 'replies'],
  ['nodes', '*', 'presence'],
  ['nodes', '*', '*'],
  ['nodes', '*', 'streams', '*', '*'],
  ['nodes', '*', 'wish', 'docs', '*'],
  ['clients', '*', '*', '*'],
  ['clients', '*', '*', 'streams', '*', '*'],
  ['network', '*'],
  ['master', 'presence'],
]

function shaped(hole: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return fc
    .constantFrom(...shapes)
    .chain(shape => fc.tuple(...shape.map(part => (part === '*' ? hole : fc.constant(part)))))
    .map(levels => [...levels])
}

const loose = (hole: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc.tuple(first, fc.array(hole, { maxLength: 5 })).map(([head, rest]) => [head, ...rest])

const below = (levels: fc.Arbitrary<string[]>): fc.Arbitrary<string> =>
  fc.tuple(roots, levels).map(([prefix, of]) => `${prefix}${of.join('/')}`)

export const arbitraryTopic = below(
  fc.oneof({ weight: 3, arbitrary: shaped(level) }, { weight: 1, arbitrary: loose(level) }),
)

export const arbitraryFilter = fc
  .tuple(below(fc.oneof({ weight: 3, arbitrary: shaped(wild) }, { weight: 1, arbitrary: loose(wild) })), fc.boolean())
  .map(([filter, open]) => (open ? `${filter}/#` : filter))

/** MQTT 3.1.1 section 4.7 as a regular expression: nothing of what is tested is used. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const pattern = filter
    .split('/')
    .map(part => (part === '+' ? '[^/]*' : part === '#' ? '.*' : part.replaceAll(/[^\w]/g, '\\$&')))
    .join('/')
    .replace(/^\.\*$|\/\.\*$/, rest => (rest === '.*' ? '.*' : '(/.*)?'))
  return new RegExp(`^${pattern}$`, 's').test(topic)
}
