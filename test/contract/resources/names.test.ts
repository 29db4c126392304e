import test from 'ava'
import {
  checkConfigKey,
  checkEnvironmentName,
  checkLabelName,
  checkLabelValue,
  checkPortName,
  checkQualifiedName,
  checkServiceName,
  checkSubdomainName,
  type NameRule,
} from '../../../contract/resources/names.ts'

const rules: Array<{ what: string; rule: NameRule; right: string[]; wrong: string[] }> = [
  {
    what: 'a DNS-1123 label',
    rule: checkLabelName,
    right: ['a', '1', 'web-1', '0-a', 'x'.repeat(63)],
    wrong: ['', 'Web', 'web_1', '-web', 'web-', 'a.b', 'x'.repeat(64), 'wéb'],
  },
  {
    what: 'a DNS-1035 label',
    rule: checkServiceName,
    right: ['a', 'web-1'],
    wrong: ['', '1web', 'web-', 'Web', 'a.b', 'x'.repeat(64)],
  },
  {
    what: 'a DNS-1123 subdomain',
    rule: checkSubdomainName,
    right: ['a', 'a.b', 'web-1.example.com', 'x'.repeat(253)],
    wrong: ['', '.a', 'a.', 'a..b', 'a.-b', 'A.b', 'x'.repeat(254)],
  },
  {
    what: 'a qualified name',
    rule: checkQualifiedName,
    right: ['app', 'App_1.x', 'example.com/app', 'x'.repeat(63), `${'x'.repeat(253)}/a`],
    wrong: ['', '/', 'a/', '/a', 'a/b/c', 'Example.com/a', '-a', 'a b', 'x'.repeat(64)],
  },
  {
    what: 'a label value',
    rule: checkLabelValue,
    right: ['', 'a', 'A_b.c-1', 'x'.repeat(63)],
    wrong: ['-a', 'a-', 'a b', 'a/b', 'x'.repeat(64)],
  },
  {
    what: 'a port name',
    rule: checkPortName,
    right: ['http', 'h2', 'a-1', 'x'.repeat(15)],
    wrong: ['', '80', 'HTTP', 'a--b', '-a', 'x'.repeat(16), 'a_b'],
  },
  {
    what: 'an environment variable',
    rule: checkEnvironmentName,
    right: ['PATH', 'a.b', 'my-name', '1'],
    wrong: ['', 'a=b', 'a\0b'],
  },
  {
    what: 'a key of a ConfigMap',
    rule: checkConfigKey,
    right: ['a', 'app.conf', '_a', '.env', 'A-B'],
    wrong: ['', '.', '..', '..a', 'a/b', 'a b', 'x'.repeat(254)],
  },
]

for (const { what, rule, right, wrong } of rules) {
  test(`${what} may be ${right.map(text => text.slice(0, 20)).join(', ')}`, t => {
    for (const text of right) t.is(rule(text), undefined, text)
  })

  test(`${what} may not be ${wrong.map(text => JSON.stringify(text.slice(0, 20))).join(', ')}`, t => {
    for (const text of wrong) t.is(typeof rule(text), 'string', text)
  })
}

test('a refusal names the text and what is allowed, and stays short', t => {
  t.is(
    checkServiceName('My_Service'),
    '"My_Service" is not allowed: use lower-case letters, digits and "-", beginning with a letter, such as "my-name"',
  )
  t.true((checkSubdomainName('!'.repeat(250)) ?? '').length < 250)
})
