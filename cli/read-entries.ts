/** The entries of a new secret or config map, from literals, files, folders, stdin and lists of variables, as kubectl reads them. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { checkConfigKey } from '../contract/resources/names.ts'
import { maxObjectBytes } from '../contract/wire/limits.ts'
import { CodedError, messageOf } from '../kit/errors.ts'
import type { Options } from './options.ts'
import { readStdin } from './read-stdin.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

type Entries = Map<string, Buffer>

/** Throws what is wrong without repeating a value: it may be a password. */
export async function readEntries(options: Options, terminal: Terminal): Promise<Entries> {
  const entries: Entries = new Map()
  const add = (key: string, value: Buffer): void => {
    const problem = checkConfigKey(key)
    if (problem !== undefined) throw new UsageError(`cannot use a key: ${problem}`)
    if (entries.has(key)) throw new UsageError(`the key "${key}" is there twice`)
    entries.set(key, value)
  }
  for (const literal of options.list('fromLiteral')) {
    const [key, value] = splitPair(literal, '--from-literal')
    add(key, Buffer.from(value))
  }
  for (const source of options.list('fromFile'))
    for (const [key, value] of await readSource(source, terminal)) add(key, value)
  for (const file of options.list('fromEnvFile'))
    for (const [key, value] of readVariables((await readWhole(file)).toString(), terminal.env)) add(key, value)
  return entries
}

/** `key=file`, `file` (its name is the key), `folder` (all files in it), `key=-` (stdin). */
async function readSource(source: string, terminal: Terminal): Promise<Array<[string, Buffer]>> {
  const [first = '', ...rest] = source.split('=')
  const named = rest.length > 0
  const path = named ? rest.join('=') : first
  if (path === '-' && !named) throw new UsageError('stdin needs a key: --from-file=KEY=-')
  if (path === '-') return [[first, await readStdin(terminal.stdin, maxObjectBytes)]]
  if (named || !(await isFolder(path))) return [[named ? first : basename(path), await readWhole(path)]]
  const found = await readdir(path, { withFileTypes: true })
  const files = found.filter(entry => entry.isFile() && checkConfigKey(entry.name) === undefined)
  return Promise.all(
    files.map(async ({ name }): Promise<[string, Buffer]> => [name, await readWhole(join(path, name))]),
  )
}

/** A line is `KEY=value`, taken as it is, or `KEY`, which is taken from the environment. */
function readVariables(text: string, env: Terminal['env']): Array<[string, Buffer]> {
  const lines = text.split(/\r?\n/).map(line => line.trimStart())
  return lines
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const [key, value] = line.includes('=') ? splitPair(line, 'the file of variables') : [line, env[line] ?? '']
      return [key, Buffer.from(value)]
    })
}

function splitPair(text: string, where: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`what ${where} has must be of the form key=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}

async function isFolder(path: string): Promise<boolean> {
  return (await attempt(path, stat(path))).isDirectory()
}

async function readWhole(path: string): Promise<Buffer> {
  const { size } = await attempt(path, stat(path))
  if (size > maxObjectBytes) throw tooLarge(path)
  return attempt(path, readFile(path))
}

function tooLarge(what: string): CodedError {
  return new CodedError('RequestEntityTooLarge', `cannot take ${what}: because it is over ${maxObjectBytes} bytes`)
}

function attempt<T>(path: string, reading: Promise<T>): Promise<T> {
  return reading.catch(error => {
    throw new CodedError('BadRequest', `cannot read ${path}: because ${messageOf(error)}`, { cause: error })
  })
}
