import test from 'ava'
import { type ClientContext, checkClientConfig, mergeContext, serversOf } from '../../../contract/wire/client-config.ts'

const home: ClientContext = { name: 'home', cluster: 'home', server: 'mqtts://a:8883', ca: 'CA' }

test('a context is added once, however often it is merged, and the first one becomes the current one', t => {
  const { config } = mergeContext(undefined, home)
  t.deepEqual(config, { 'current-context': 'home', contexts: [home] })
  const newer = { ...home, server: 'mqtts://b:8883' }
  t.deepEqual(mergeContext(config, newer).config, { 'current-context': 'home', contexts: [newer] })
  const garden = { ...home, name: 'garden' }
  t.deepEqual(mergeContext(config, garden).config, { 'current-context': 'home', contexts: [home, garden] })
})

test('a context of another CA is not overwritten: the new one gets a name of its own, and keeps it', t => {
  const { config } = mergeContext(undefined, home)
  const other = { ...home, ca: 'OTHER' }
  const first = mergeContext(config, other)
  t.is(first.name, 'home-2')
  const second = mergeContext(first.config, { ...other, server: 'mqtts://c:8883' })
  t.is(second.name, 'home-2')
  t.deepEqual(second.config.contexts.map(serversOf), [['mqtts://a:8883'], ['mqtts://c:8883']])
})

test('a configuration that is wrong says where, and never what is in it', t => {
  t.notThrows(() => checkClientConfig({ contexts: [{ ...home, more: 1 }] }))
  const check = (context: object, message: RegExp): void => {
    t.throws(() => checkClientConfig({ contexts: [context] }), { message })
  }
  t.throws(() => checkClientConfig(null), { message: /contexts/ })
  check({ ...home, name: '' }, /contexts\[0\]\.name/)
  check({ name: 'a', cluster: 'a' }, /\.server/)
  check({ ...home, servers: [] }, /\.servers/)
  check({ ...home, key: 'SECRET' }, /^contexts\[0\] has a certificate or a key, but not both$/)
  check({ ...home, token: { SECRET: 1 } }, /^contexts\[0\]\.token is no text$/)
})
