import test from 'ava'
import fc from 'fast-check'
import { accessOf } from '../../../contract/wire/access.ts'
import { type Identity, usernameOf } from '../../../contract/wire/identity.ts'
import { type MosquittoOptions, renderMosquitto } from '../../../contract/wire/mosquitto.ts'
import { arbitraryClientId, arbitraryIdentity, arbitraryTopic, matches } from '../../support/arbitrary-access.ts'

const files = { ca: '/e/ca.crt', cert: '/e/s.crt', key: '/e/s.key', acl: '/e/acl', joinAcl: '/e/join.acl' }
const options = (identities: Identity[]): MosquittoOptions => ({
  ...{ cluster: 'home', identities, listen: { port: 8883, joinPort: 8884 }, files },
})

interface Rule {
  /** Undefined: for everybody. */
  user: string | undefined
  access: string
  filter: string
}

/** As mosquitto.conf(5) says of `acl_file`. */
function readAcl(text: string): Rule[] {
  const rules: Rule[] = []
  let user: string | undefined
  for (const line of text.split('\n').filter(entry => entry !== '' && !entry.startsWith('#'))) {
    const [word = '', access = '', filter = ''] = line.split(' ')
    if (word === 'user') user = line.slice('user '.length)
    else rules.push({ user: word === 'pattern' ? undefined : user, access, filter })
  }
  return rules
}

interface Act {
  username: string
  clientId: string
  does: string
  topic: string
}

function allows(rules: Rule[], { username, clientId, does, topic }: Act): boolean {
  return rules.some(({ user, access, filter }) => {
    const own = user === undefined || user === username
    return own && access === does && matches(filter.replaceAll('%c', clientId), topic)
  })
}

test('the rendered ACL allows what the table allows to any program of the same identity, and nothing else', t => {
  let allowed = 0
  fc.assert(
    fc.property(
      fc.record({
        known: fc.array(arbitraryIdentity, { maxLength: 6 }),
        ...{ who: arbitraryIdentity, clientId: arbitraryClientId, topic: arbitraryTopic },
        does: fc.constantFrom('write', 'read'),
      }),
      ({ known, who, clientId, topic, does }) => {
        const { acl, joinAcl } = renderMosquitto(options(known))
        const isJoining = who.kind === 'joining'
        const access = accessOf('home', who, isJoining ? clientId : '+')
        const filters = does === 'write' ? access.publish.map(({ filter }) => filter) : access.hear
        const isKnown = isJoining || known.some(other => usernameOf(other) === usernameOf(who))
        const expected = isKnown && filters.some(filter => matches(filter, topic))
        const username = isJoining ? '' : usernameOf(who)
        if (expected) allowed++
        return allows(readAcl(isJoining ? joinAcl : acl), { username, clientId, does, topic }) === expected
      },
    ),
    { numRuns: 5000 },
  )
  t.true(allowed > 50, `${allowed} were allowed`)
})

test('the configuration has one port for certificates and one for boards that join', t => {
  const { conf } = renderMosquitto({ ...options([]), files: { ...files, crl: '/e/crl' } })
  const [general = '', known = '', joining = ''] = conf.split(/^listener .*$/m)
  t.deepEqual(conf.match(/^listener .*$/gm), ['listener 8883 0.0.0.0', 'listener 8884 0.0.0.0'])
  t.regex(general, /^per_listener_settings true$/m)
  for (const line of [
    'require_certificate true',
    'use_identity_as_username true',
    'allow_anonymous false',
    'crlfile /e/crl',
  ]) {
    t.true(known.split('\n').includes(line), line)
  }
  for (const line of [
    'require_certificate false',
    'allow_anonymous true',
    'acl_file /e/join.acl',
    'tls_version tlsv1.2',
  ]) {
    t.true(joining.split('\n').includes(line), line)
  }
  t.false(joining.includes('use_identity'))
})

test('nothing in it breaks out of its line', t => {
  const evil = [
    { ...options([]), cluster: 'home\ntopic readwrite #' },
    options([{ kind: 'user', name: 'a\nuser b' }]),
    { ...options([]), files: { ...files, acl: '/e/acl\nallow_anonymous true' } },
    { ...options([]), listen: { host: '::\nlistener 1883', port: 1, joinPort: 2 } },
  ]
  for (const one of evil) t.throws(() => renderMosquitto(one), { message: /holds a control character$/ })
})
