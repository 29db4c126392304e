import test from 'ava'
import { askerOf } from '../../../master/authorization/asker.ts'
import { mayHaveToken, type NodeView } from '../../../master/authorization/node-rights.ts'
import { bookOf, may, podOn } from './fixtures.ts'

const board1 = askerOf({ kind: 'node', name: 'board-1' })

const web = podOn('web', {
  serviceAccountName: 'robot',
  containers: [{ name: 'c', image: 'i', env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'db', key: 'p' } } }] }],
  volumes: [{ name: 'v', configMap: { name: 'settings' } }],
})
const view: NodeView = {
  podsOn: node =>
    node === 'board-1' ? [web] : [podOn('other', { volumes: [{ name: 'v', secret: { secretName: 'theirs' } }] })],
  pullSecretsOf: (namespace, account) => (namespace === 'x' && account === 'robot' ? ['registry'] : []),
}

const rights = { book: bookOf(), nodes: view }

const allowed = [
  'get nodes board-1',
  'watch nodes board-1',
  'get nodeidentities.flotilla.dev board-1',
  'get pods web in x',
  'get secrets db in x',
  'get secrets registry in x',
  'get configmaps settings in x',
  'get serviceaccounts robot in x',
]

const refused = [
  'get nodes board-2',
  'list nodes',
  'update nodes board-1',
  'update nodes/status board-1',
  'delete nodes board-1',
  'get nodeidentities.flotilla.dev board-2',
  'update nodeidentities.flotilla.dev board-1',
  'get pods other in x',
  'get pods web in y',
  'list pods in x',
  'list pods',
  'create pods in x',
  'patch pods web in x',
  'get pods/log web in x',
  'create pods/exec web in x',
  'get secrets theirs in x',
  'get secrets db in y',
  'list secrets in x',
  'update secrets db in x',
  'get secrets.apps db in x',
  'get configmaps other in x',
  'get serviceaccounts default in x',
  'create serviceaccounts/token robot in x',
  'create users.flotilla.dev/certificate admin',
  'get users.flotilla.dev admin',
  'create jointokens.flotilla.dev',
  'update secrets/encryptionkey',
]

for (const asked of allowed) {
  test(`a node may ${asked}, which concerns its pods`, t => {
    t.true(may(rights, board1, asked))
  })
}

for (const asked of refused) {
  test(`a node may not ${asked}`, t => {
    t.false(may(rights, board1, asked))
  })
}

test('a user who is called like a node, or is in the group of nodes, is no node', t => {
  t.false(may(rights, askerOf({ kind: 'user', name: 'board-1' }, ['system:nodes']), 'get nodes board-1'))
  t.false(may(rights, { username: 'system:node:board-1', groups: [] }, 'get nodes board-1'))
})

test('a token is for the account of a pod that runs on the node, and for that very pod', t => {
  const pod = { name: 'web', uid: 'uid-web' }
  const wish = { namespace: 'x', serviceAccount: 'robot', pod }
  t.true(mayHaveToken(view, 'board-1', wish))
  t.false(mayHaveToken(view, 'board-2', wish), 'the pod of another node')
  t.false(mayHaveToken(view, 'board-1', { ...wish, serviceAccount: 'default' }), 'another account')
  t.false(mayHaveToken(view, 'board-1', { ...wish, namespace: 'y' }), 'another namespace')
  t.false(
    mayHaveToken(view, 'board-1', { ...wish, pod: { name: 'web', uid: 'uid-before' } }),
    'the pod before this one',
  )
  t.false(mayHaveToken(view, 'board-1', { ...wish, pod: undefined }), 'bound to no pod')
})
