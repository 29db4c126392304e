import test from 'ava'
import { admin, renderUsers } from '../../../images/os/users.ts'

const sources = {
  passwd: 'root:*:0:0:root:/root:/bin/bash\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  group: 'root:*:0:\nsudo:*:27:\nnogroup:*:65534:\n',
  sysusers: [
    '# a comment\ng root 0 -\nu! messagebus - "System Message Bus" /nonexistent\n',
    'u sshd -:nogroup "sshd user" /run/sshd\ng input - -\n',
  ],
}

const find = (text: string, name: string): string | undefined =>
  text.split('\n').find(line => line.startsWith(`${name}:`))

test('users of base-passwd and of packages are there once, with the numbers that are theirs for ever', t => {
  const { passwd, group } = renderUsers(sources)
  t.is(find(passwd, 'messagebus'), 'messagebus:x:913:913:System Message Bus:/nonexistent:/usr/sbin/nologin')
  t.is(find(passwd, 'sshd'), 'sshd:x:914:65534:sshd user:/run/sshd:/usr/sbin/nologin')
  t.is(find(group, 'sshd'), undefined)
  t.is(find(group, 'input'), 'input:x:902:')
  t.is(group.split('\n').filter(line => line.startsWith('root:')).length, 1)
})

test('people are admin, who may become root, and nobody has a password', t => {
  const { passwd, group, shadow, gshadow } = renderUsers(sources)
  t.is(find(passwd, 'admin'), `admin:x:1000:1000:Whose keys the card has:${admin.home}:/bin/bash`)
  t.is(find(group, 'sudo'), 'sudo:x:27:admin')
  const secrets = `${shadow}${gshadow}`.trim().split('\n')
  t.true(secrets.every(line => line.split(':')[1] === '*'))
})

test('a name without a number ends the build: none may come by chance', t => {
  t.throws(() => renderUsers({ ...sources, sysusers: ['u newcomer - "New"\n'] }), {
    message: /"newcomer" of a package has no number; give it one in images\/os\/users.ts/,
  })
})
