/** Public keys for a card, from files such as ~/.ssh/id_ed25519.pub. */
import { readFile } from 'node:fs/promises'
import { maxSshKeys } from '../../contract/card/check-card.ts'
import { checkSshKey } from '../../contract/card/ssh-key.ts'
import { messageOf } from '../../kit/errors.ts'
import { UsageError } from '../usage-error.ts'

/** Lines of an authorized_keys file. Throws UsageError, which never repeats what may be a private key. */
export async function readSshKeys(files: string[]): Promise<string[]> {
  const keys = (await Promise.all(files.map(readKeyFile))).flat()
  const distinct = [...new Set(keys)]
  if (distinct.length > maxSshKeys)
    throw new UsageError(`--ssh-key: these are ${distinct.length} keys, and a card takes ${maxSshKeys}`)
  return distinct
}

async function readKeyFile(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw new UsageError(`--ssh-key: cannot read ${path}: because ${messageOf(error)}`)
  })
  if (/PRIVATE KEY/.test(text))
    throw new UsageError(`--ssh-key: ${path} is a private key, which must stay here: give ${path}.pub`)
  const lines = text.split('\n').map(line => line.trim())
  const keys = lines.filter(line => line !== '' && !line.startsWith('#'))
  if (keys.length === 0) throw new UsageError(`--ssh-key: ${path} is empty`)
  for (const key of keys) {
    const problem = checkSshKey(key)
    if (problem !== undefined) throw new UsageError(`--ssh-key: ${path}: ${problem}`)
  }
  return keys
}
