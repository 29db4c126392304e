/** The file that holds the ways into clusters, with their keys: read only while nobody else can, written whole or not at all. */
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type ClientConfig, checkClientConfig, maxClientConfigBytes } from '../contract/wire/client-config.ts'
import { makeDirectory } from '../kit/directory.ts'
import { CodedError, messageOf } from '../kit/errors.ts'
import { writePrivateFile } from '../kit/private-file.ts'

/** Rejects with `BadRequest`, naming the file; its text is never repeated. `cause` has `code` ENOENT when it is not there. */
export async function readConfigFile(path: string): Promise<ClientConfig> {
  try {
    const { text, mode } = await readWithMode(path)
    const config = await parseConfig(text, path)
    checkPrivate(config, mode, path)
    return config
  } catch (error) {
    const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const reason = isGone ? 'there is no such file' : messageOf(error)
    const why = `cannot read the configuration ${path}: because ${reason}`
    throw new CodedError('BadRequest', why, { cause: error })
  }
}

/** Throws an Error that names what is wrong. */
export async function parseConfig(text: string, path: string): Promise<ClientConfig> {
  if (Buffer.byteLength(text) > maxClientConfigBytes) throw new Error(`it is longer than ${maxClientConfigBytes} bytes`)
  return checkClientConfig(await parseText(text, path))
}

/** For its owner alone, in one step. */
export async function writeConfigFile(path: string, config: ClientConfig): Promise<void> {
  const text = await renderConfig(config)
  await makeDirectory(dirname(path), 0o700)
  await writePrivateFile(path, text)
}

export async function renderConfig(config: ClientConfig): Promise<string> {
  const { renderYaml } = await import('../contract/manifest/yaml.ts')
  return renderYaml(config)
}

async function readWithMode(path: string): Promise<{ text: string; mode: number }> {
  const file = await open(path, 'r')
  try {
    const stats = await file.stat()
    if (stats.size > maxClientConfigBytes) throw new Error(`it is longer than ${maxClientConfigBytes} bytes`)
    // A pipe has no name by which others could read it.
    return { text: await file.readFile('utf8'), mode: stats.isFile() ? stats.mode : 0 }
  } finally {
    await file.close()
  }
}

function checkPrivate(config: ClientConfig, mode: number, path: string): void {
  const holds = config.contexts.some(({ key, token }) => key !== undefined || token !== undefined)
  if (holds && (mode & 0o077) !== 0)
    throw new Error(`it holds a key, and others than its owner can read it: chmod 600 ${path}`)
}

/** JSON is YAML too, and read without loading a YAML library: every command pays for its start. */
async function parseText(text: string, path: string): Promise<unknown> {
  if (text.trimStart().startsWith('{')) return parseJson(text)
  const { parseYamlDocuments } = await import('../contract/manifest/yaml.ts')
  const { documents, problems } = parseYamlDocuments(text, path)
  const [problem] = problems
  if (problem) throw new Error(`line ${problem.line}: ${problem.message}`)
  return documents[0]?.value
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The message of JSON.parse repeats a part of the text, which may be a key.
    throw new Error('it is no JSON')
  }
}
