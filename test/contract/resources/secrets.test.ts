/** Secrets and ServiceAccounts: what they become, what is wrong with them, and that no message says what they hold. */
import test from 'ava'
import { readObject } from '../../../contract/resources/admit.ts'
import type { Secret } from '../../../contract/resources/core.ts'
import type { AnyObject } from '../../../contract/resources/meta.ts'
import { validateUpdate } from '../../../contract/resources/validate-update.ts'
import { configMap, pod } from './objects.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

function secret(fields: object = {}, metadata: object = {}): AnyObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'web', namespace: 'default', ...metadata }, ...fields }
}

function account(fields: object): AnyObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'web', namespace: 'default' }, ...fields }
}

const problemsOf = (object: AnyObject): string[] =>
  readObject(object).problems.map(({ path, message }) => `${path}: ${message}`)

test('plain texts become data, win over it, and leave nothing behind', t => {
  const data = { kept: base64('kept'), lost: base64('lost') }
  const { object, problems } = readObject(secret({ data, stringData: { lost: 'found', new: 'ü\n', empty: '' } }))
  t.deepEqual(problems, [])
  t.deepEqual(object, {
    ...secret({ type: 'Opaque' }),
    data: { kept: base64('kept'), lost: base64('found'), new: base64('ü\n'), empty: '' },
  })
  t.deepEqual(readObject(object).object, object)
})

test('a Secret of nothing is one, and of any type that Kubernetes does not know', t => {
  t.deepEqual(readObject(secret()).object, secret({ type: 'Opaque' }))
  t.deepEqual(readObject(secret({ stringData: {}, type: '' })).object, secret({ type: 'Opaque' }))
  t.deepEqual(problemsOf(secret({ type: 'helm.sh/release.v1' })), [])
})

test('base64 may be broken into lines, as a block of YAML is', t => {
  const { object } = readObject(secret({ data: { a: 'aGVs\nbG8=\n' } }))
  t.deepEqual(object['data'], { a: 'aGVsbG8=' })
  t.deepEqual(readObject({ ...configMap(), binaryData: { a: 'aG\r\nk=' } }).object['binaryData'], { a: 'aGk=' })
})

const tls = 'kubernetes.io/tls'
const docker = 'kubernetes.io/dockerconfigjson'
const right: AnyObject[] = [
  secret({ type: tls, stringData: { 'tls.crt': 'c', 'tls.key': 'k' } }),
  secret({ type: docker, stringData: { '.dockerconfigjson': '{"auths":{}}' } }),
  secret({ type: 'kubernetes.io/dockercfg', stringData: { '.dockercfg': '{}' } }),
  secret({ type: 'kubernetes.io/ssh-auth', stringData: { 'ssh-privatekey': 'k' } }),
  secret({ type: 'kubernetes.io/basic-auth', stringData: { password: 'p' } }),
  account({ automountServiceAccountToken: false, imagePullSecrets: [{ name: 'registry' }] }),
]

test('right ones have no problems and no warnings', t => {
  for (const object of right) t.like(readObject(object), { problems: [], warnings: [] })
})

const wrong: Array<[what: string, object: AnyObject, problem: string]> = [
  [
    'a key that would leave its folder',
    secret({ data: { '..': '' } }),
    'data[".."]: ".." would leave its directory as a file',
  ],
  [
    'half a key pair',
    secret({ type: tls, data: { 'tls.crt': '' } }),
    'data["tls.key"]: is required for a Secret of this type',
  ],
  [
    'no credentials of a registry',
    secret({ type: docker }),
    'data[".dockerconfigjson"]: is required for a Secret of this type',
  ],
  [
    'credentials that are no JSON',
    secret({ type: docker, stringData: { '.dockerconfigjson': 'hunter2' } }),
    'data[".dockerconfigjson"]: must be JSON with the credentials of registries, such as {"auths": {…}}',
  ],
  [
    'no key for ssh',
    secret({ type: 'kubernetes.io/ssh-auth' }),
    'data.ssh-privatekey: is required for a Secret of this type',
  ],
  [
    'neither name nor password',
    secret({ type: 'kubernetes.io/basic-auth', data: { user: '' } }),
    'data: must hold username or password: a Secret of the type kubernetes.io/basic-auth has one at least',
  ],
  [
    'a token of no account',
    secret({ type: 'kubernetes.io/service-account-token' }),
    'metadata.annotations["kubernetes.io/service-account.name"]: is required for the type kubernetes.io/service-account-token',
  ],
  ['a pull secret without a name', account({ imagePullSecrets: [{}] }), 'imagePullSecrets[0].name: is required'],
]

for (const [what, object, problem] of wrong) test(`refused: ${what}`, t => t.deepEqual(problemsOf(object), [problem]))

test('more than a MiB is refused, counted as it is before base64', t => {
  const large = base64('x'.repeat(700_000))
  t.deepEqual(problemsOf(secret({ data: { a: large } })), [])
  t.throws(() => readObject(secret({ data: { a: large, b: large } })), { code: 'RequestEntityTooLarge' })
})

const hidden = 'hunter2-hidden'
const slips: Array<[what: string, fields: object]> = [
  ['plain text where base64 belongs', { data: { password: hidden } }],
  ['a text instead of the map', { data: hidden }],
  ['a list instead of the map', { stringData: [hidden] }],
  ['a map inside of the map', { stringData: { password: { value: hidden } } }],
  ['a number', { stringData: { pin: 748_159 } }],
  ['a field that there is not', { password: hidden }],
  ['a wrong switch', { immutable: hidden }],
  ['a wrong type of the type', { type: [hidden] }],
  ['a map instead of the type', { type: { [`x`]: hidden } }],
  ['annotations that are none', { metadata: { name: 'web', annotations: hidden } }],
  ['an annotation that is none', { metadata: { name: 'web', annotations: { a: [hidden] } } }],
  ['metadata that are none', { metadata: hidden }],
]

for (const [what, fields] of slips) {
  test(`a slip is told without what it would give away: ${what}`, t => {
    const problems = problemsOf({ ...secret(), ...fields } as AnyObject)
    t.true(problems.length > 0)
    for (const problem of problems) t.false(/hunter2|748159/.test(problem), problem)
  })
}

test('what is told of a slip is the place, and what kind of thing stands there', t => {
  t.deepEqual(problemsOf(secret({ data: { a: hidden }, stringData: { pin: 748_159 } })), [
    'data.a: must be text in base64, not plain text',
    'stringData.pin: must be text, not a number: put it in quotes',
  ])
  // Elsewhere the value helps to find the slip.
  t.regex(problemsOf(pod({ hostname: 5 as unknown as string }))[0]!, /not the number 5/)
})

const changes: Array<[what: string, before: object, next: object, problems: string[]]> = [
  ['its data', { data: { a: 'YQ==' } }, { data: {} }, []],
  ['its type', {}, { type: tls }, ['type: cannot be changed: delete the object and create it anew']],
  [
    'an immutable one',
    { immutable: true, data: { a: 'YQ==' } },
    { data: { a: 'Yg==' } },
    ['immutable', 'data'].map(field => `${field}: cannot be changed: delete the object and create it anew`),
  ],
]

for (const [what, before, next, problems] of changes) {
  test(`changing ${what}`, t => {
    const [now, then] = [next, before].map(fields => secret({ type: 'Opaque', ...fields }) as AnyObject & Secret)
    const found = validateUpdate(now!, then!).map(({ path, message }) => `${path}: ${message}`)
    t.deepEqual(found, problems)
  })
}

test('a pod from before pods were told their account stays as it is', t => {
  const now = readObject(pod()).object
  const { serviceAccountName: _name, serviceAccount: _old, ...spec } = now.spec!
  t.deepEqual(validateUpdate(now, { ...now, spec } as AnyObject), [])
  const other = readObject(pod({ serviceAccountName: 'other' })).object
  t.is(validateUpdate(other, now)[0]?.path, 'spec.serviceAccountName')
})

test('what Kubernetes would fill in by itself, and Flotilla does not, gets a warning', t => {
  const annotations = { 'kubernetes.io/service-account.name': 'web' }
  const ofAccount = secret({ type: 'kubernetes.io/service-account-token' }, { annotations })
  t.regex(readObject(ofAccount).warnings[0]!, /^type: kept, but Flotilla puts no token into it/)
  t.regex(readObject(secret({ type: 'bootstrap.kubernetes.io/token' })).warnings[0]!, /^type: kept, but boards join by/)
  t.deepEqual(readObject(account({ secrets: [{ name: 'x' }] })).warnings, [
    'secrets: kept, but Flotilla does not act on it yet',
  ])
})
