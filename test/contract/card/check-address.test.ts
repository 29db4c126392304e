import test from 'ava'
import { checkAddress, followingCidr, isSameNetwork } from '../../../contract/card/check-address.ts'

const problems = (address: Parameters<typeof checkAddress>[0]): string[] =>
  checkAddress(address, 'a').map(({ path }) => path)

test('addresses of hosts pass, also in networks of two and of one', t => {
  for (const cidr of ['192.168.1.20/24', '10.0.0.0/31', '10.0.0.1/31', '10.0.0.1/32', '10.0.1.0/16'])
    t.deepEqual(problems({ cidr }), [], cidr)
})

test('what is no address of a host is wrong', t => {
  for (const cidr of [
    '10.0.0.1/0',
    '10.0.0.1/33',
    '10.0.0.256/24',
    '10.0.0/24',
    '::1/64',
    '10.0.0.1/24 ',
    '010.0.0.1/24',
    '10.0.0.0/8',
    '10.255.255.255/8',
  ])
    t.deepEqual(problems({ cidr }), ['a.cidr'], cidr)
})

test('a board that is numbered gets the next address, over the borders of bytes', t => {
  t.is(followingCidr('192.168.1.254/16', 3), '192.168.2.1/16')
  t.is(followingCidr('10.0.0.1/24', 0), '10.0.0.1/24')
  t.true(isSameNetwork('10.0.0.1/24', '10.0.0.200/24'))
  t.false(isSameNetwork('10.0.0.200/24', followingCidr('10.0.0.200/24', 60)))
})

test('a resolver asks three servers, of either family', t => {
  t.deepEqual(problems({ cidr: '10.0.0.5/24', nameservers: ['1.1.1.1', 'fd00::1'] }), [])
  t.deepEqual(problems({ cidr: '10.0.0.5/24', nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] }), [
    'a.nameservers',
  ])
})
