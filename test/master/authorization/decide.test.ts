import test from 'ava'
import { askerOf } from '../../../master/authorization/asker.ts'
import { decide, describeRefusal } from '../../../master/authorization/decide.ts'
import { describeRule, ruleAllows } from '../../../master/authorization/rules.ts'
import {
  attributes,
  bob,
  bookOf,
  clusterRole,
  clusterRoleBinding,
  group,
  may,
  noNodes,
  role,
  roleBinding,
  rule,
  user,
} from './fixtures.ts'

const cases: Array<[rule: ReturnType<typeof rule>, asked: string, allowed: boolean]> = [
  [rule(['get'], ['pods']), 'get pods web in x', true],
  [rule(['get'], ['pods']), 'list pods in x', false],
  [rule(['*'], ['pods']), 'delete pods web in x', true],
  [rule(['get'], ['pods']), 'get pods/log web in x', false],
  [rule(['get'], ['pods/log']), 'get pods/log web in x', true],
  [rule(['get'], ['pods/log']), 'get pods web in x', false],
  [rule(['get'], ['*']), 'get pods/log web in x', true],
  [rule(['get'], ['*/log']), 'get pods/log web in x', true],
  [rule(['get'], ['*/log']), 'get pods/exec web in x', false],
  [rule(['get'], ['*/log']), 'get pods web in x', false],
  [rule(['update'], ['*/scale'], { apiGroups: ['*'] }), 'update deployments.apps/scale web in x', true],
  [rule(['get'], ['pods/*']), 'get pods/log web in x', false],
  [rule(['get'], ['deployments']), 'get deployments.apps web in x', false],
  [rule(['get'], ['deployments'], { apiGroups: ['apps'] }), 'get deployments.apps web in x', true],
  [rule(['get'], ['deployments'], { apiGroups: ['*'] }), 'get deployments.apps web in x', true],
  [rule(['get'], ['pods'], { resourceNames: ['web'] }), 'get pods web in x', true],
  [rule(['get'], ['pods'], { resourceNames: ['web'] }), 'get pods db in x', false],
  [rule(['list'], ['pods'], { resourceNames: ['web'] }), 'list pods in x', false],
  [rule(['create'], ['pods'], { resourceNames: ['web'] }), 'create pods in x', false],
  [rule(['get'], ['pods'], { resourceNames: ['*'] }), 'get pods web in x', false],
  [{ verbs: ['get'], nonResourceURLs: ['*'] }, 'get pods web in x', false],
]

for (const [given, asked, allowed] of cases) {
  test(`${describeRule(given)} ${allowed ? 'allows' : 'does not allow'} ${asked}`, t => {
    t.is(ruleAllows(given, attributes(asked)), allowed)
  })
}

test('a rule with an empty list of names is for all names', t => {
  t.true(ruleAllows(rule(['get'], ['pods'], { resourceNames: [] }), attributes('get pods web in x')))
})

test('nothing is allowed by no binding, by one of somebody else, or by one to a role that is not there', t => {
  const pods = clusterRole('pods', [rule(['*'], ['*'])])
  t.false(may(bookOf(pods), bob, 'get pods web in x'))
  t.false(may(bookOf(pods, clusterRoleBinding('b', 'pods', [user('alice'), group('ops')])), bob, 'get pods web in x'))
  t.false(may(bookOf(clusterRoleBinding('b', 'pods', [user('bob')])), bob, 'get pods web in x'))
})

test('a user is not the group of the same name, nor a service account a user', t => {
  const pods = clusterRole('pods', [rule(['get'], ['pods'])])
  t.false(may(bookOf(pods, clusterRoleBinding('b', 'pods', [group('bob')])), bob, 'get pods a in x'))
  t.true(may(bookOf(pods, clusterRoleBinding('b', 'pods', [group('dev')])), bob, 'get pods a in x'))
  const account = askerOf({ kind: 'serviceAccount', namespace: 'x', name: 'bob' })
  t.false(may(bookOf(pods, clusterRoleBinding('b', 'pods', [user('bob')])), account, 'get pods a in x'))
  const bound = clusterRoleBinding('b', 'pods', [{ kind: 'ServiceAccount', name: 'bob', namespace: 'x' }])
  t.true(may(bookOf(pods, bound), account, 'get pods a in x'))
  t.false(may(bookOf(pods, bound), bob, 'get pods a in x'))
  const other = askerOf({ kind: 'serviceAccount', namespace: 'y', name: 'bob' })
  t.false(may(bookOf(pods, bound), other, 'get pods a in x'))
})

test('a role binding reaches no further than its namespace, also when its role is one of the cluster', t => {
  const pods = clusterRole('pods', [rule(['get', 'list'], ['pods', 'nodes'])])
  const book = bookOf(pods, roleBinding('b', 'ClusterRole/pods', [user('bob')]))
  t.true(may(book, bob, 'list pods in x'))
  t.false(may(book, bob, 'list pods in y'))
  t.false(may(book, bob, 'list pods'), 'in all namespaces')
  t.false(may(book, bob, 'list nodes'), 'of the whole cluster')
})

test('a role binding finds the role of its own namespace', t => {
  const book = bookOf(role('r', [rule(['get'], ['pods'])], 'y'), roleBinding('x/b', 'Role/r', [user('bob')]))
  t.false(may(book, bob, 'get pods a in x'))
  t.false(may(book, bob, 'get pods a in y'))
})

test('what is taken back or changed is gone at once', t => {
  const pods = clusterRole('pods', [rule(['get'], ['pods'])])
  const binding = clusterRoleBinding('b', 'pods', [user('bob'), group('dev')])
  const book = bookOf(pods, binding)
  const changed = clusterRoleBinding('b', 'pods', [user('alice')])
  book.put(changed, binding)
  t.false(may(book, bob, 'get pods a in x'))
  book.put(binding, changed)
  t.true(may(book, bob, 'get pods a in x'))
  book.put(clusterRole('pods', []), pods)
  t.false(may(book, bob, 'get pods a in x'))
  book.put(pods)
  book.delete(binding)
  t.false(may(book, bob, 'get pods a in x'))
})

test('a role gathers those with its labels, and what they gather, in a circle too', t => {
  const gathers = (from: string, into: string): Parameters<typeof clusterRole>[2] => ({
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [from]: 'yes' } }] },
    labels: { [into]: 'yes' },
  })
  const view = clusterRole('view', [rule(['delete'], ['pods'])], gathers('to-view', 'to-edit'))
  const edit = clusterRole('edit', [], gathers('to-edit', 'to-view'))
  const part = clusterRole('part', [rule(['get'], ['pods'])], { labels: { 'to-view': 'yes' } })
  const book = bookOf(view, edit, part, clusterRoleBinding('b', 'edit', [user('bob')]))
  t.true(may(book, bob, 'get pods a in x'))
  t.false(may(book, bob, 'delete pods a in x'), 'what a gathering role says itself counts for nothing')
  book.delete(part)
  t.false(may(book, bob, 'get pods a in x'))
})

test('a role that gathers by no selector gathers nothing', t => {
  const empty = clusterRole('all', [rule(['get'], ['pods'])], { aggregationRule: {} })
  t.false(may(bookOf(empty, clusterRoleBinding('b', 'all', [user('bob')])), bob, 'get pods a in x'))
})

test('the masters may do everything without any role, and nobody else', t => {
  const master = askerOf({ kind: 'user', name: 'root' }, ['system:masters'])
  t.true(may(bookOf(), master, 'delete secrets a in kube-system'))
  t.false(may(bookOf(), askerOf({ kind: 'user', name: 'root' }), 'get pods a in x'))
})

test('tools and boards that join are in no group, so that nothing given to everybody is theirs', t => {
  const book = bookOf(
    clusterRole('all', [rule(['*'], ['*'])]),
    clusterRoleBinding('b', 'all', [group('system:authenticated')]),
  )
  t.true(may(book, bob, 'get pods a in x'))
  t.false(may(book, askerOf({ kind: 'tool', name: 'wall' }), 'get pods a in x'))
  t.false(may(book, askerOf({ kind: 'joining' }), 'get pods a in x'))
})

test('an answer says which binding allows, a refusal says what was asked in the words of Kubernetes', t => {
  const pods = clusterRole('pods', [rule(['get'], ['pods'])])
  const book = bookOf(pods, roleBinding('b', 'ClusterRole/pods', [user('bob')]))
  const { reason } = decide({ book, nodes: noNodes }, bob, attributes('get pods a in x'))
  t.is(reason, 'RBAC: allowed by RoleBinding "b/x" of ClusterRole "pods" to User "bob"')
  t.is(
    describeRefusal(bob, attributes('create pods/exec web in x')),
    'User "bob" cannot create resource "pods/exec" in API group "" in the namespace "x"',
  )
  t.is(
    describeRefusal(bob, attributes('list deployments.apps')),
    'User "bob" cannot list resource "deployments" in API group "apps" at the cluster scope',
  )
})

test('the work of one decision does not grow with the bindings of others', t => {
  const looked = (others: number): number => {
    const book = bookOf(
      clusterRole('pods', [rule(['get'], ['pods'])]),
      roleBinding('b', 'ClusterRole/pods', [user('bob')]),
    )
    for (let index = 0; index < others; index++) {
      book.put(clusterRoleBinding(`c${index}`, 'pods', [user(`u${index}`), group(`g${index}`)]))
      book.put(roleBinding(`${index % 2 === 0 ? 'x' : `n${index}`}/r${index}`, 'ClusterRole/pods', [user(`u${index}`)]))
    }
    return decide({ book, nodes: noNodes }, bob, attributes('delete pods a in x')).looked
  }
  t.is(looked(0), 1)
  t.is(looked(5000), 1)
})
