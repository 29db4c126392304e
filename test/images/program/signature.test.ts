import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { signFiles, verifyChecksums } from '../../../images/program/signature.ts'

const dist = resolve(import.meta.dirname, '../../../dist')

/** A folder of things to sign, and the environment of somebody who has a home. */
async function signed(t: ExecutionContext): Promise<{ folder: string; env: NodeJS.ProcessEnv; allowed: string }> {
  const top = mkdtempSync(join(tmpdir(), 'flotilla-sign-'))
  t.teardown(() => rm(top, { recursive: true, force: true }))
  const folder = join(top, 'pack')
  mkdirSync(join(folder, 'below'), { recursive: true })
  writeFileSync(join(folder, 'program'), 'bytes')
  writeFileSync(join(folder, 'below/addon'), 'more bytes')
  const env = { XDG_CONFIG_HOME: join(top, 'config') }
  await signFiles(folder, { env })
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
  await signFiles(folder, { env })
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
  writeFileSync(join(folder, 'SHA256SUMS'), execFileSync('sha256sum', ['below/addon', 'program'], { cwd: folder }))
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
  await signFiles(folder, { env: { ...env, FLOTILLA_SIGNING_KEY: key } })
  await t.notThrowsAsync(verifyChecksums(folder, other.allowed))
})

test('what else lies in the folder is not signed for: other files, work that goes on, what links lead to', async t => {
  const { folder, env, allowed } = await signed(t)
  mkdirSync(join(folder, '.work'))
  for (const name of ['.work/disk', 'disk.part']) writeFileSync(join(folder, name), 'half')
  symlinkSync('..', join(folder, 'below/up'))
  await signFiles(folder, { env })
  t.deepEqual(readFileSync(join(folder, 'SHA256SUMS'), 'utf8').match(/\S+$/gm), ['below/addon', 'program'])
  await signFiles(folder, { which: /^[^/]+$/, env })
  t.deepEqual(readFileSync(join(folder, 'SHA256SUMS'), 'utf8').match(/\S+$/gm), ['program'])
  await t.notThrowsAsync(verifyChecksums(folder, allowed))
})

const built = [
  { what: 'the programs', folder: 'pack', names: /^\S+ {2}flotilla-linux-x64$/m },
  { what: 'the Debian packages', folder: 'deb', names: /^\S+ {2}flotilla_\S+_amd64\.deb$/m },
  { what: 'the images of boards', folder: 'os', names: /^\S+ {2}flotilla-amd64\.img\.zst$/m },
]
for (const { what, folder, names } of built)
  test(`${what} that build.sh has left are signed, as they are`, async t => {
    const place = join(dist, folder)
    if (!existsSync(join(place, 'SHA256SUMS'))) {
      const why = `${place} is not there: ./build.sh images makes it`
      if (process.env['CI']) t.fail(why)
      else t.pass(why)
      return
    }
    t.regex(readFileSync(join(place, 'SHA256SUMS'), 'utf8'), names)
    await t.notThrowsAsync(verifyChecksums(place, join(place, 'allowed_signers')))
  })
