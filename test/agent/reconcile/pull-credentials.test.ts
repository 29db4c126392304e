import test from 'ava'
import { findCredentials } from '../../../agent/reconcile/pull-credentials.ts'
import type { SecretContents } from '../../../contract/wire/fleet.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const metadata = { namespace: 'default', name: 'registry', uid: 'u', resourceVersion: '1' }

function secretOf(auths: unknown, key = '.dockerconfigjson'): SecretContents {
  const content = key === '.dockercfg' ? auths : { auths }
  return { metadata, type: 'kubernetes.io/dockerconfigjson', data: { [key]: base64(JSON.stringify(content)) } }
}

const entry = (username: string) => ({ username, password: 'pw' })
const secret = secretOf({
  'registry.example': entry('all'),
  'https://registry.example/team': entry('team'),
  'registry.example:5000': entry('port'),
  'https://index.docker.io/v1/': entry('hub'),
  'ghcr.io': { auth: base64('gh:to:ken') },
})

for (const [image, username] of [
  ['registry.example/web:1', 'all'],
  ['registry.example/team/web@sha256:00', 'team'],
  ['registry.example/teams/web', 'all'],
  ['registry.example:5000/web', 'port'],
  ['registry.example.evil/web', undefined],
  ['other.example/registry.example/web', undefined],
  ['nginx:1.27', 'hub'],
  ['acme/web', 'hub'],
  ['docker.io/acme/web', 'hub'],
  ['ghcr.io/acme/web', 'gh'],
  ['localhost/web', undefined],
] as const) {
  test(`${image} is pulled as ${username ?? 'nobody'}`, t => t.is(findCredentials([secret], image)?.username, username))
}

test('a password may hold colons', t => {
  t.deepEqual(findCredentials([secret], 'ghcr.io/acme/web'), { username: 'gh', password: 'to:ken' })
})

test('the first of two secrets for one place counts; the old form is read, too', t => {
  const secrets = [secretOf({ 'a.example': entry('first') }, '.dockercfg'), secretOf({ 'a.example': entry('second') })]
  t.is(findCredentials(secrets, 'a.example/x')?.username, 'first')
})

test('what is no such secret is passed over', t => {
  for (const value of [
    'not json PLANTED',
    '[]',
    '{"auths": 1}',
    '{"auths": {"a.example": {"auth": "bm9jb2xvbg=="}}}',
  ]) {
    const broken: SecretContents = { metadata, type: 'Opaque', data: { '.dockerconfigjson': base64(value) } }
    t.is(findCredentials([broken], 'a.example/x'), undefined)
  }
  t.is(findCredentials([{ metadata, type: 'Opaque', data: {} }], 'a.example/x'), undefined)
})
