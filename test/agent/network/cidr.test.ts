/** IPv4 ranges. */
import test from 'ava'
import { cidrContains, formatCidr } from '../../../agent/network/cidr.ts'

test('an address is in the range that covers it, and in no other', t => {
  t.true(cidrContains('10.244.1.0/24', '10.244.1.255'))
  t.false(cidrContains('10.244.1.0/24', '10.244.2.0'))
  t.true(cidrContains('192.168.0.0/15', '192.169.255.255'))
  t.true(cidrContains('0.0.0.0/0', '255.255.255.255'))
  t.true(cidrContains('10.0.0.1/32', '10.0.0.1'))
  t.false(cidrContains('10.0.0.1/32', '10.0.0.2'))
  t.false(cidrContains('10.0.0.0/8', 'fe80::1'))
})

test('a range is written as the kernel writes it', t => {
  t.is(formatCidr('192.168.77.11/24'), '192.168.77.0/24')
  t.is(formatCidr('255.255.255.255/1'), '128.0.0.0/1')
})

for (const bad of [
  '',
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0/8',
  '10.0.0.0/8; flush',
  'fe80::/10',
  '10.0.0.0/-1',
]) {
  test(`no range: ${JSON.stringify(bad)}`, t => {
    t.throws(() => formatCidr(bad), { code: 'Invalid' })
  })
}
