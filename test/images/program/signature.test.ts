import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { signChecksums, verifyChecksums, writeChecksums } from '../../../images/program/signature.ts'

/** A folder of things to sign, and the environment of somebody who has a home. */
async function signed(t: ExecutionContext): Promise<{ folder: string; env: NodeJS.ProcessEnv; allowed: string }> {
  const top = mkdtempSync(join(tmpdir(), 'flotilla-sign-'))
  t.teardown(() => rm(top, { recursive: true, force: true }))
  const folder = join(top, 'pack')
  mkdirSync(join(folder, 'below'), { recursive: true })
  writeFileSync(join(folder, 'program'), 'bytes')
  writeFileSync(join(folder, 'below/addon'), 'more bytes')
  const env = { XDG_CONFIG_HOME: join(top, 'config') }
  await writeChecksums(folder)
  await signChecksums(folder, env)
  return { folder, env, allowed: join(folder, 'allowed_signers') }
}

test('what was packed is verified by its sums and their signature', async t => {
  const { folder, env, allowed } = await signed(t)
  await t.notThrowsAsync(verifyChecksums(folder, allowed))
  const sums = readFileSync(join(folder, 'SHA256SUMS'), 'utf8')
  t.deepEqual(sums.match(/\S+$/gm), ['below/addon', 'program'])
  t.is(statSync(join(env['XDG_CONFIG_HOME']!, 'flotilla/signing-key')).mode & 0o777, 0o600)
  t.notRegex(readFileSync(allowed, 'utf8'), /@/, 'no name of a person or a machine')
})

test('signing again gives the same signature', async t => {
  const { folder, env } = await signed(t)
  const first = readFileSync(join(folder, 'SHA256SUMS.sig'))
  await writeChecksums(folder)
  await signChecksums(folder, env)
  t.deepEqual(readFileSync(join(folder, 'SHA256SUMS.sig')), first)
})

test('a changed byte is found in a program', async t => {
  const { folder, allowed } = await signed(t)
  appendFileSync(join(folder, 'program'), '!')
  await t.throwsAsync(verifyChecksums(folder, allowed), { message: /checksum did NOT match/ })
})

test('a changed byte is found in the sums', async t => {
  const { folder, allowed } = await signed(t)
  appendFileSync(join(folder, 'program'), '!')
  await writeChecksums(folder)
  await t.throwsAsync(verifyChecksums(folder, allowed), { message: /ssh-keygen|signature|Signature|incorrect/ })
})

test('what somebody else has signed counts for nothing', async t => {
  const { folder } = await signed(t)
  const { allowed: others } = await signed(t)
  await t.throwsAsync(verifyChecksums(folder, others), { code: 'InternalError' })
})

test('the key that the environment names is the one that signs', async t => {
  const { folder, env } = await signed(t)
  const other = await signed(t)
  const key = join(other.env['XDG_CONFIG_HOME']!, 'flotilla/signing-key')
  await signChecksums(folder, { ...env, FLOTILLA_SIGNING_KEY: key })
  await t.notThrowsAsync(verifyChecksums(folder, other.allowed))
})
