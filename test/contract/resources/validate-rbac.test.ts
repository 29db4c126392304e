import test from 'ava'
import { readObject } from '../../../contract/resources/admit.ts'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { validateUpdate } from '../../../contract/resources/validate-update.ts'

const apiVersion = 'rbac.authorization.k8s.io/v1'
const apiGroup = 'rbac.authorization.k8s.io'
const good = { verbs: ['get'], apiGroups: [''], resources: ['pods'] }
const roleRef = { apiGroup, kind: 'Role', name: 'r' }
const metadata = { name: 'a', namespace: 'x' }

function role(rule: object, kind = 'Role'): AnyObject {
  return { apiVersion, kind, metadata: kind === 'Role' ? metadata : { name: 'a' }, rules: [rule] }
}

function binding(fields: object, kind = 'RoleBinding'): AnyObject {
  return { apiVersion, kind, metadata: kind === 'RoleBinding' ? metadata : { name: 'a' }, roleRef, ...fields }
}

const subject = (fields: object): AnyObject => binding({ subjects: [fields] })

const cases: Array<[what: string, object: AnyObject, path: string]> = [
  ['a rule without verbs', role({ ...good, verbs: [] }), 'rules[0].verbs'],
  ['a rule without groups', role({ verbs: ['get'], resources: ['pods'] }), 'rules[0].apiGroups'],
  ['a rule without resources', role({ verbs: ['get'], apiGroups: [''] }), 'rules[0].resources'],
  ['a Role with URLs', role({ verbs: ['get'], nonResourceURLs: ['/'] }), 'rules[0].nonResourceURLs'],
  ['URLs beside resources', role({ ...good, nonResourceURLs: ['/'] }, 'ClusterRole'), 'rules[0].nonResourceURLs'],
  ['a role of another group', binding({ roleRef: { ...roleRef, apiGroup: 'apps' } }), 'roleRef.apiGroup'],
  ['a role of another kind', binding({ roleRef: { ...roleRef, kind: 'Pod' } }), 'roleRef.kind'],
  ['a role without a name', binding({ roleRef: { ...roleRef, name: '' } }), 'roleRef.name'],
  ['a Role for the cluster', binding({ roleRef }, 'ClusterRoleBinding'), 'roleRef.kind'],
  ['a subject of another kind', subject({ kind: 'Node', name: 'a' }), 'subjects[0].kind'],
  ['a subject without a name', subject({ kind: 'User', apiGroup, name: '' }), 'subjects[0].name'],
  ['a user of the core group', subject({ kind: 'User', apiGroup: 'apps', name: 'a' }), 'subjects[0].apiGroup'],
  ['a user in a namespace', subject({ kind: 'User', apiGroup, name: 'a', namespace: 'x' }), 'subjects[0].namespace'],
  ['an account of nowhere', subject({ kind: 'ServiceAccount', name: 'a' }), 'subjects[0].namespace'],
  ['an account with a bad name', subject({ kind: 'ServiceAccount', name: 'a:b', namespace: 'x' }), 'subjects[0].name'],
  ['a name with a slash', { ...role(good), metadata: { ...metadata, name: 'a/b' } }, 'metadata.name'],
]

for (const [what, object, path] of cases) {
  test(`not allowed: ${what}`, t => {
    t.deepEqual(
      readObject(object).problems.map(problem => problem.path),
      [path],
    )
  })
}

test('names of roles may have colons, and what is right is not complained about', t => {
  const right = [
    { ...role(good), metadata: { ...metadata, name: 'system:reader' } },
    role({ verbs: ['get'], nonResourceURLs: ['/healthz'] }, 'ClusterRole'),
    binding({
      subjects: [
        { kind: 'ServiceAccount', name: 'a', namespace: 'y' },
        { kind: 'Group', apiGroup, name: 'system:masters' },
      ],
    }),
  ]
  for (const object of right) t.deepEqual(readObject(object), { ...readObject(object), problems: [], warnings: [] })
})

test('users and groups get their group, and a binding keeps its role', t => {
  const { object } = readObject(subject({ kind: 'User', name: 'bob' }))
  t.deepEqual(object['subjects'], [{ kind: 'User', apiGroup, name: 'bob' }])
  const other = binding({ roleRef: { ...roleRef, name: 'other' } })
  t.deepEqual(
    validateUpdate(other, binding({})).map(({ path }) => path),
    ['roleRef'],
  )
})
