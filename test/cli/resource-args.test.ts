import test from 'ava'
import { missingKind } from '../../cli/kubectl-words.ts'
import { parseOneResource, parseResourceArgs } from '../../cli/resource-args.ts'
import { UsageError } from '../../cli/usage-error.ts'
import { kinds } from '../../contract/resources/kinds.ts'

const read = (...args: string[]): string[] =>
  parseResourceArgs(args).map(({ kind, names }) => [kind.plural, ...names].join(' '))

test('kinds are known by all their names', t => {
  t.deepEqual(read('pods'), ['pods'])
  t.deepEqual(read('po,svc'), ['pods', 'services'])
  t.deepEqual(read('deployments.apps', 'web'), ['deployments web'])
  t.deepEqual(read('Deployment', 'web', 'db'), ['deployments web db'])
})

test('type/name may be mixed, and names of one kind come together', t => {
  t.deepEqual(read('pod/a', 'svc/b', 'pod/c'), ['pods a c', 'services b'])
})

test('all means what runs', t => {
  t.deepEqual(read('all'), ['pods', 'services', 'deployments', 'replicasets'])
})

for (const args of [[], ['pod/a', 'b'], ['pod/'], ['/a'], ['pod/a/b']])
  test(`no objects: ${JSON.stringify(args)}`, t => {
    t.throws(() => parseResourceArgs(args), { instanceOf: UsageError })
  })

test('a kind that is nearly right is guessed', t => {
  const error = t.throws(() => parseResourceArgs(['deploymnet']), { instanceOf: UsageError })
  t.regex(error.message, /resource type "deploymnet".*did you mean deployment/)
})

test('one object, where a bare name has a kind of its own', t => {
  t.is(parseOneResource(['web-1'], 'pods').kind.kind, 'Pod')
  t.is(parseOneResource(['deploy/web'], 'pods').kind.kind, 'Deployment')
  t.throws(() => parseOneResource(['web-1']), { instanceOf: UsageError })
  t.throws(() => parseOneResource(['pods', 'a', 'b']), { instanceOf: UsageError })
})

for (const [word, kind] of [
  ['ds', 'daemonset'],
  ['pvc', 'persistentvolumeclaim'],
  ['ingresses.networking.k8s.io', 'ingress'],
])
  test(`${word} is not mistaken for something else: it is not there yet`, t => {
    const { message } = t.throws(() => parseResourceArgs([word!]), { instanceOf: UsageError })
    t.is(message, `Flotilla has no ${kind} yet: see "flotilla api-resources"`)
  })

test('no kind that there is counts as missing', t => {
  for (const { plural, singular, shortNames } of kinds)
    for (const name of [plural, singular, ...shortNames]) t.is(missingKind(name), undefined, name)
})
