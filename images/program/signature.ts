/** Checksums of what was built, and a signature over them by OpenSSH, which every machine has that could want to check it. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { makeDirectory } from '../../kit/directory.ts'
import { runTool } from './run-tool.ts'

/** ssh-keygen(1): what a signature is for, so that one made for something else does not count here. */
const namespace = 'flotilla'
const sums = 'SHA256SUMS'
const notSummed = [sums, `${sums}.sig`, 'allowed_signers']

export interface Signing {
  /** Which files of the folder and below, by their path there. Default: all. */
  which?: RegExp
  /** Says which key signs. */
  env?: NodeJS.ProcessEnv
}

/** For every folder that people get files from: programs, packages, images. Leaves the sums, their signature, and who may sign beside them. */
export async function signFiles(folder: string, { which = /./, env = process.env }: Signing = {}): Promise<void> {
  await writeChecksums(folder, which)
  await signChecksums(folder, env)
}

/** In the form that `sha256sum --check` reads. */
async function writeChecksums(folder: string, which: RegExp): Promise<void> {
  const names = (await listFiles(folder)).map(path => relative(folder, path))
  const wanted = names.filter(name => which.test(name) && !notSummed.includes(name) && !name.endsWith('.part')).sort()
  const lines = await Promise.all(wanted.map(async name => `${await sha256(join(folder, name))}  ${name}\n`))
  await writeFile(join(folder, `${sums}.part`), lines.join(''))
  await rename(join(folder, `${sums}.part`), join(folder, sums))
}

/** Not by Node's `recursive`, which goes through links. A name with a dot is of work that goes on: a whole system, while an image is made. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const lists = entries.map(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !entry.name.startsWith('.')) return listFiles(path)
    return entry.isFile() ? [path] : []
  })
  return (await Promise.all(lists)).flat()
}

/** Images are not read into memory. */
async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** `SHA256SUMS.sig`, and `allowed_signers` with the public half of the key. */
async function signChecksums(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
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
