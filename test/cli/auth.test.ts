import test, { type ExecutionContext } from 'ava'
import type { AnyObject } from '../../contract/resources/meta.ts'
import { ensureRbac } from '../../master/controllers/ensure-rbac.ts'
import { admitUser } from '../master/api/harness.ts'
import { createFleet, type FleetHarness } from './harness.ts'

const apiGroup = 'rbac.authorization.k8s.io'

/** bob may view the namespace `default`. */
async function withBob(t: ExecutionContext): Promise<FleetHarness> {
  const fleet = await createFleet(t)
  await ensureRbac(fleet.objects)
  await admitUser(fleet.objects, 'bob', ['dev'])
  const roleRef = { apiGroup, kind: 'ClusterRole', name: 'view' }
  const subjects = [{ kind: 'User', apiGroup, name: 'bob' }]
  const metadata = { name: 'bob', namespace: 'default' }
  await fleet.objects.create({
    apiVersion: `${apiGroup}/v1`,
    kind: 'RoleBinding',
    metadata,
    roleRef,
    subjects,
  } as AnyObject)
  return fleet
}

const cases: Array<[words: string, answer: 'yes' | 'no']> = [
  ['get pods', 'yes'],
  ['get po web-1', 'yes'],
  ['list deploy', 'yes'],
  ['list deployments.apps', 'yes'],
  ['get pods/log web-1', 'yes'],
  ['get pods --subresource log', 'yes'],
  ['create pods/exec web-1', 'no'],
  ['get secrets', 'no'],
  ['get pods -A', 'no'],
  ['get pods -n kube-system', 'no'],
  ['list nodes', 'no'],
  ['impersonate users', 'no'],
  ['get *', 'no'],
]

for (const [words, answer] of cases) {
  test(`can-i ${words} as bob, who may view one namespace: ${answer}`, async t => {
    const { run } = await withBob(t)
    const ran = await run('auth', 'can-i', ...words.split(' '), '--as', 'bob')
    t.is(ran.stdout.split(/[ \n]/)[0], answer)
    t.is(ran.status, answer === 'yes' ? 0 : 1)
    t.is(ran.stderr, '')
  })
}

test('can-i for oneself, quietly, and about what Flotilla does not have', async t => {
  const { run } = await withBob(t)
  t.deepEqual(await run('auth', 'can-i', 'create', 'pods'), { status: 0, stdout: 'yes\n', stderr: '' })
  t.deepEqual(await run('auth', 'can-i', 'create', 'pods', '-q', '--as', 'bob'), { status: 1, stdout: '', stderr: '' })
  const other = await run('auth', 'can-i', 'get', 'widgets.example.com')
  t.is(other.stdout, 'yes\n')
  t.is(other.stderr, 'Warning: the server doesn\'t have a resource type "widgets"\n')
})

test('can-i as a group that the user is not in', async t => {
  const { run } = await withBob(t)
  const ran = await run(
    'auth',
    'can-i',
    'delete',
    'nodes',
    '--as',
    'bob',
    '--as-group',
    'dev',
    '--as-group',
    'system:masters',
  )
  t.is(ran.stdout, 'yes\n')
  t.is((await run('auth', 'can-i', 'delete', 'nodes', '--as-group', 'dev')).status, 2)
})

test('can-i --list shows each resource with its verbs', async t => {
  const { run } = await withBob(t)
  const { stdout, status } = await run('auth', 'can-i', '--list', '--as', 'bob')
  t.is(status, 0)
  t.regex(stdout, /^RESOURCES +NON-RESOURCE URLS +RESOURCE NAMES +VERBS\n/)
  t.regex(stdout, /^pods\/log +\[\] +\[\] +\[get list watch\]$/m)
  t.regex(stdout, /^deployments\.apps +\[\] +\[\] +\[get list watch\]$/m)
  t.notRegex(stdout, /^secrets/m)
  t.regex((await run('auth', 'can-i', '--list', '--no-headers')).stdout, /^\*\.\* +\[\] +\[\] +\[\*\]\n +\[\*\]/)
})

test('whoami tells the name and the groups that count', async t => {
  const { run } = await withBob(t)
  const { stdout, status } = await run('auth', 'whoami')
  t.is(status, 0)
  t.regex(stdout, /^ATTRIBUTE +VALUE\nUsername +\S+\nGroups +system:masters, system:authenticated\n$/)
})

test('a question that lacks its half is a wrong use', async t => {
  const { run } = await withBob(t)
  t.is((await run('auth', 'can-i', 'get')).status, 2)
  t.is((await run('auth', 'can-i', 'get', 'pods', '--list')).status, 2)
})
