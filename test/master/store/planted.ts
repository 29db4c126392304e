/** A secret that is planted in order to be searched for: in every file of a directory, in every spelling that it could take. */
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { openSealedStore, type SealedStore } from '../../../master/store/sealed-store.ts'
import type { Store } from '../../../master/store/store.ts'

export interface Planted {
  value: string
  /** Pieces of it, plain and escaped for JSON; and of its base64, wherever in a text it begins. */
  spellings: string[]
}

/** With signs that JSON escapes, and bytes that no compression shortens: LevelDB's would take a number in hexadecimal apart. */
export function plant(): Planted {
  const value = `planted-"${randomBytes(30).toString('base64url')}"\n${randomBytes(30).toString('base64url')}`
  const [, first = '', second = ''] = value.match(/"(.*)"\n(.*)/) ?? []
  const shifted = [0, 1, 2].map(by =>
    Buffer.from(`${' '.repeat(by)}${value}`)
      .toString('base64')
      .slice(4, -4),
  )
  return { value, spellings: [first.slice(4), second.slice(4), ...shifted] }
}

/** Paths of the files below `directory` that hold one of the texts. */
export async function filesWith(directory: string, ...texts: string[]): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const found = await Promise.all(paths.map(async path => holdsOne(await readFile(path), texts)))
  return paths.filter((_, index) => found[index])
}

export function holdsOne(bytes: Buffer, texts: string[]): boolean {
  return texts.some(text => bytes.includes(text))
}

export function sealedIn(store: Store, directory: string, prefix?: string): Promise<SealedStore> {
  const keysPath = join(directory, 'pki', 'secrets.keys')
  return openSealedStore({
    store,
    keysPath,
    clock: systemClock,
    log: silentLog,
    ...(prefix !== undefined && { prefix }),
  })
}
