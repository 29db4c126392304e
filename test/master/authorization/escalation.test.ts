import test from 'ava'
import type { PolicyRule } from '../../../contract/resources/rbac.ts'
import { seededRandom } from '../../../kit/random.ts'
import { askerOf } from '../../../master/authorization/asker.ts'
import { findMissing, findUncovered } from '../../../master/authorization/escalation.ts'
import { ruleAllows } from '../../../master/authorization/rules.ts'
import { bob, bookOf, clusterRole, clusterRoleBinding, group, roleBinding, rule, user } from './fixtures.ts'

const star = rule(['*'], ['*'], { apiGroups: ['*'] })
const url = (path: string): PolicyRule => ({ verbs: ['get'], nonResourceURLs: [path] })

const cases: Array<[what: string, owned: PolicyRule[], wanted: PolicyRule[], covered: boolean]> = [
  ['nothing needs nothing', [], [], true],
  ['something needs something', [], [rule(['get'], ['pods'])], false],
  ['the same', [rule(['get'], ['pods'])], [rule(['get'], ['pods'])], true],
  ['less', [rule(['get', 'list'], ['pods', 'nodes'])], [rule(['list'], ['nodes'])], true],
  [
    'two rules make up one',
    [rule(['get'], ['pods']), rule(['list'], ['pods'])],
    [rule(['get', 'list'], ['pods'])],
    true,
  ],
  [
    'two rules that cross do not',
    [rule(['get'], ['pods']), rule(['list'], ['nodes'])],
    [rule(['get', 'list'], ['pods', 'nodes'])],
    false,
  ],
  ['another verb', [rule(['get'], ['pods'])], [rule(['get', 'delete'], ['pods'])], false],
  ['another group', [rule(['get'], ['pods'])], [rule(['get'], ['pods'], { apiGroups: ['', 'apps'] })], false],
  [
    'all verbs need all',
    [rule(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'], ['pods'])],
    [rule(['*'], ['pods'])],
    false,
  ],
  ['all resources need all', [rule(['get'], ['pods'])], [rule(['get'], ['*'])], false],
  ['all groups need all', [rule(['get'], ['pods'])], [rule(['get'], ['pods'], { apiGroups: ['*'] })], false],
  ['a star covers', [star], [rule(['*'], ['*'], { apiGroups: ['*'] }), rule(['get'], ['pods/log'])], true],
  ['a resource is not its subresources', [rule(['get'], ['pods'])], [rule(['get'], ['pods/log'])], false],
  ['a subresource of all covers one', [rule(['get'], ['*/log'])], [rule(['get'], ['pods/log'])], true],
  ['one subresource is not that of all', [rule(['get'], ['pods/log'])], [rule(['get'], ['*/log'])], false],
  ['a name is within all names', [rule(['get'], ['pods'])], [rule(['get'], ['pods'], { resourceNames: ['a'] })], true],
  [
    'all names are not within one',
    [rule(['get'], ['pods'], { resourceNames: ['a'] })],
    [rule(['get'], ['pods'])],
    false,
  ],
  [
    'another name',
    [rule(['get'], ['pods'], { resourceNames: ['a'] })],
    [rule(['get'], ['pods'], { resourceNames: ['a', 'b'] })],
    false,
  ],
  ['rights are no URLs', [star], [url('/healthz')], false],
  ['a URL by its beginning', [url('/healthz*')], [url('/healthz/x')], true],
  ['a beginning is more than a URL', [url('/healthz')], [url('/healthz*')], false],
]

for (const [what, owned, wanted, covered] of cases) {
  test(`covering rights: ${what}`, t => {
    t.is(findUncovered(owned, wanted).length === 0, covered)
  })
}

test('what is covered is allowed, whatever is asked', t => {
  const random = seededRandom(7)
  const pick = (words: string[]): string[] => words.filter(() => random.number() < 0.4)
  const some = (): PolicyRule => {
    const names = pick(['a', 'b'])
    return rule(pick(['get', 'list', '*']), pick(['pods', 'pods/log', '*/log', '*']), {
      apiGroups: pick(['', 'apps', '*']),
      resourceNames: names,
    })
  }
  let covered = 0
  for (let round = 0; round < 3000; round++) {
    const owned = [some(), some()]
    const wanted = [some()]
    if (findUncovered(owned, wanted).length > 0) continue
    covered++
    for (const verb of ['get', 'list', 'watch'])
      for (const group of ['', 'apps', 'batch'])
        for (const subresource of [undefined, 'log', 'exec'])
          for (const name of [undefined, 'a', 'b', 'c']) {
            const asked = { verb, group, resource: 'pods', ...(subresource && { subresource }), ...(name && { name }) }
            const wants = wanted.some(each => ruleAllows(each, asked))
            if (wants)
              t.true(
                owned.some(each => ruleAllows(each, asked)),
                JSON.stringify({ owned, wanted, asked }),
              )
          }
  }
  t.true(covered > 100, `${covered} rounds said anything`)
})

test('a role that falls into too many single rights is refused, and quickly', t => {
  const words = (count: number, letter: string): string[] =>
    Array.from({ length: count }, (_, index) => `${letter}${index}`)
  const huge = rule(words(500, 'v'), words(500, 'r'), { apiGroups: words(500, 'g') })
  t.deepEqual(findUncovered([star], [huge]), [huge])
})

test('who stands in for somebody needs what that one has in every namespace', t => {
  const alice = askerOf({ kind: 'user', name: 'alice' })
  const pods = clusterRole('pods', [rule(['get'], ['pods'])])
  const inX = roleBinding('a', 'ClusterRole/pods', [user('alice')])
  t.is(findMissing(bookOf(pods, inX), bob, alice).length, 1)
  t.is(findMissing(bookOf(pods, inX, roleBinding('b', 'ClusterRole/pods', [group('dev')])), bob, alice).length, 0)
  t.is(findMissing(bookOf(pods, inX, roleBinding('y/b', 'ClusterRole/pods', [group('dev')])), bob, alice).length, 1)
  t.is(findMissing(bookOf(pods, inX, clusterRoleBinding('b', 'pods', [user('bob')])), bob, alice).length, 0)
  const master = askerOf({ kind: 'user', name: 'root' }, ['system:masters'])
  t.is(
    findMissing(bookOf(clusterRole('all', [star]), clusterRoleBinding('b', 'all', [user('bob')])), bob, master).length,
    1,
  )
  t.is(findMissing(bookOf(), master, alice).length, 0)
})

test('many rules against many are refused before they hold up everybody else', t => {
  const words = (count: number): string[] => Array.from({ length: count }, (_, index) => `w${index}`)
  const owned = words(2000).map(group => ({ verbs: words(20), apiGroups: [group], resources: words(50) }))
  const wanted = { verbs: words(20), apiGroups: ['w1999'], resources: words(50) }
  t.deepEqual(findUncovered(owned, [wanted]), [wanted])
  t.deepEqual(findUncovered(owned.slice(-100), [wanted]), [])
})
