/** Checksums of what was packed, and a signature over them by OpenSSH, which every machine has that could want to check it. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, relative } from 'node:path'
import { makeDirectory } from '../../kit/directory.ts'
import { runTool } from './run-tool.ts'

/** ssh-keygen(1): what a signature is for, so that one made for something else does not count here. */
const namespace = 'flotilla'
const sums = 'SHA256SUMS'
const notSummed = [sums, `${sums}.sig`, 'allowed_signers']

/** Of all files in the folder and below, in the form that `sha256sum --check` reads. */
export async function writeChecksums(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const names = entries
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
  const wanted = names.filter(name => !notSummed.includes(name) && !name.endsWith('.part')).sort()
  const lines = await Promise.all(
    wanted.map(async name => {
      const hash = createHash('sha256')
        .update(await readFile(join(folder, name)))
        .digest('hex')
      return `${hash}  ${name}\n`
    }),
  )
  await writeFile(join(folder, `${sums}.part`), lines.join(''))
  await rename(join(folder, `${sums}.part`), join(folder, sums))
}

/** `SHA256SUMS.sig`, and `allowed_signers` with the public half of the key. */
export async function signChecksums(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const key = env['FLOTILLA_SIGNING_KEY'] ?? (await builderKey(env))
  const file = join(folder, sums)
  // ssh-keygen asks before it replaces one.
  await rm(`${file}.sig`, { force: true })
  await runTool('ssh-keygen', ['-q', '-Y', 'sign', '-n', namespace, '-f', key, file])
  await writeFile(join(folder, 'allowed_signers'), `flotilla namespaces="${namespace}" ${await publicHalf(key)}\n`)
}

/** Rejects when the checksums are not signed by who is allowed to. */
export async function verifyChecksums(folder: string, allowedSigners: string): Promise<void> {
  const words = ['-Y', 'verify', '-f', allowedSigners, '-I', 'flotilla', '-n', namespace, '-s', `${sums}.sig`]
  // ssh-keygen reads what was signed from its stdin.
  const script = `exec ssh-keygen "$@" < ${sums}`
  await runTool('sh', ['-c', script, 'sh', ...words], { cwd: folder })
  await runTool('sha256sum', ['--check', '--quiet', '--strict', sums], { cwd: folder })
}

/** Made once for whoever builds here: without a passphrase, so that a build asks nothing. */
async function builderKey(env: NodeJS.ProcessEnv): Promise<string> {
  const folder = join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'flotilla')
  const key = join(folder, 'signing-key')
  if (!existsSync(key)) {
    await makeDirectory(folder, 0o700)
    await runTool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'flotilla', '-f', key])
  }
  return key
}

async function publicHalf(key: string): Promise<string> {
  const beside = key.endsWith('.pub') ? key : `${key}.pub`
  const text = existsSync(beside) ? await readFile(beside, 'utf8') : await runTool('ssh-keygen', ['-y', '-f', key])
  // Without the comment, which may name a person or a machine.
  return text.trim().split(' ').slice(0, 2).join(' ')
}
