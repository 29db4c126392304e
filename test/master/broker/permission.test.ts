import test from 'ava'
import fc from 'fast-check'
import { accessOf } from '../../../contract/wire/access.ts'
import { type Identity, usernameOf } from '../../../contract/wire/identity.ts'
import { Permission } from '../../../master/broker/permission.ts'
import {
  arbitraryClientId,
  arbitraryFilter,
  arbitraryIdentity,
  arbitraryTopic,
  matches,
} from '../../support/arbitrary-access.ts'

const cluster = 'home'
const arbitraryClient = fc.tuple(arbitraryIdentity, arbitraryClientId)

/** Topics that stand for all that a filter matches: levels that nobody uses, and as many as there may be. */
function examplesOf(filter: string): string[] {
  const levels = filter.split('/').map(level => (level === '+' ? 'zz' : level))
  if (levels.at(-1) !== '#') return [levels.join('/')]
  const head = levels.slice(0, -1)
  return [head, [...head, 'zz'], [...head, 'zz', 'zz']].map(parts => parts.join('/'))
}

test('a publication is allowed if and only if a row of the table says so', t => {
  let allowed = 0
  fc.assert(
    fc.property(arbitraryClient, arbitraryTopic, fc.boolean(), ([who, clientId], topic, retain) => {
      const rows = accessOf(cluster, who, clientId).publish.filter(({ filter }) => matches(filter, topic))
      const expected = rows.length > 0 && (!retain || rows.some(row => row.retain))
      const refused = new Permission(cluster, who, clientId).refusePublish(topic, retain)
      if (expected) allowed++
      return (refused === undefined) === expected
    }),
    { numRuns: 20_000 },
  )
  t.true(allowed > 100, `${allowed} were allowed`)
})

test('a message is forwarded if and only if a row of the table says so', t => {
  let allowed = 0
  fc.assert(
    fc.property(arbitraryClient, arbitraryTopic, ([who, clientId], topic) => {
      const expected = accessOf(cluster, who, clientId).hear.some(filter => matches(filter, topic))
      if (expected) allowed++
      return new Permission(cluster, who, clientId).mayHear(topic) === expected
    }),
    { numRuns: 20_000 },
  )
  t.true(allowed > 100, `${allowed} were allowed`)
})

test('a filter is granted if and only if one row covers all that it can match', t => {
  let allowed = 0
  fc.assert(
    fc.property(arbitraryClient, arbitraryFilter, ([who, clientId], filter) => {
      const { hear } = accessOf(cluster, who, clientId)
      const expected = hear.some(own => examplesOf(filter).every(topic => matches(own, topic)))
      if (expected) allowed++
      return new Permission(cluster, who, clientId).maySubscribe(filter) === expected
    }),
    { numRuns: 20_000 },
  )
  t.true(allowed > 100, `${allowed} were allowed`)
})

test('what is no topic or filter is refused to everybody, the master too', t => {
  const everybody: Identity[] = [{ kind: 'master' }, { kind: 'node', name: 'a' }]
  const bad = ['', '#', '$SYS/x', '$share/g/flotilla/v1/home/network/index', 'x/\0', `x${'/y'.repeat(40)}`]
  for (const who of everybody) {
    const permission = new Permission(cluster, who, 'c')
    for (const text of bad) {
      t.not(permission.refusePublish(text, false), undefined, `${usernameOf(who)} ${text}`)
      t.false(permission.maySubscribe(text), `${usernameOf(who)} ${text}`)
    }
    const below = accessOf(cluster, { kind: 'master' }, 'c').hear[0]?.slice(0, -1)
    for (const text of ['network/+x', 'network/#/x', 'network/a#']) t.false(permission.maySubscribe(`${below}${text}`))
  }
})
