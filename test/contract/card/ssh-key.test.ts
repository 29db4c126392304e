import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { checkSshKey } from '../../../contract/card/ssh-key.ts'
import { canUse } from '../../cli/flash/disk/loop-device.ts'

for (const [type, ...bits] of [['ed25519'], ['rsa', '-b', '2048'], ['ecdsa', '-b', '521']])
  test(`a public key that ssh-keygen makes passes: ${type}`, t => {
    if (!canUse(t, ['ssh-keygen'])) return
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-key-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'key')
    execFileSync('ssh-keygen', ['-q', '-t', type!, ...bits, '-N', '', '-C', 'Jane Doe <jane@böx>', '-f', path])
    const line = readFileSync(`${path}.pub`, 'utf8').trim()
    t.is(checkSshKey(line), undefined)
    const [, body = ''] = line.split(' ')
    t.regex(checkSshKey(line.replace(body, body.slice(0, 12))) ?? '', /not whole/)
    t.regex(checkSshKey(line.replace(/^\S+/, type === 'rsa' ? 'ssh-ed25519' : 'ssh-rsa')) ?? '', /not whole/)
    t.regex(checkSshKey(readFileSync(path, 'utf8')) ?? '', /private key/)
  })

test('what would be two lines, options, or an old type is no key', t => {
  const body = 'AAAAC3NzaC1lZDI1NTE5AAAAIKHjTWIg5Al9de76GEN0yxEo/L7fPCHUn11E7w/jIB2V'
  t.is(checkSshKey(`ssh-ed25519 ${body}`), undefined)
  for (const line of [
    `ssh-ed25519 ${body} a\nssh-rsa x`,
    // To cloud-init these end lines: a comment would become commands.
    `ssh-ed25519 ${body} a\u2028runcmd: [reboot]`,
    `ssh-ed25519 ${body} a\u2029runcmd: [reboot]`,
    `command="x" ssh-ed25519 ${body}`,
    'ssh-dss AAAA',
    '',
    `ssh-ed25519 ${'A'.repeat(5000)}`,
  ])
    t.not(checkSshKey(line), undefined, line.slice(0, 40))
})
