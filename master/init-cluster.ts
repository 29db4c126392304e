/** What `flotilla master init` does: makes the cluster's keys and its first user, and gives whoever asks the way in. */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  type ClientConfig,
  checkClientConfig,
  maxClientConfigBytes,
  mergeContext,
} from '../contract/wire/client-config.ts'
import { makeDirectory } from '../kit/directory.ts'
import { CodedError, messageOf } from '../kit/errors.ts'
import { silentLog } from '../kit/log.ts'
import { readPrivateFile, writePrivateFile } from '../kit/private-file.ts'
import { readCertificate } from '../kit/x509.ts'
import { asOwner, type Owner } from './as-owner.ts'
import { type FoundationOptions, makeCluster } from './foundation.ts'
import { restoreAdmin } from './restore-admin.ts'
import { adminPathOf, pkiDirectoryOf } from './trust/trust.ts'

export interface Caller {
  homeDirectory: string
  /** Of the person behind `sudo`; undefined: this process' own. */
  owner: Owner | undefined
  /** Default: `~/.config/flotilla/config.yaml`. */
  configPath?: string | undefined
}

export interface InitReport {
  /** False: it was all there. */
  isNew: boolean
  pkiDirectory: string
  caFingerprint: string
  configPath: string
  /** In that file. */
  contextName: string
  isChanged: boolean
}

/**
 * May be called again and again. `restore`: also for a user admin who was shut out. Rejects with a CodedError when the data
 * directory cannot be used.
 */
export async function initCluster(
  options: FoundationOptions,
  caller: Caller,
  { restore = false } = {},
): Promise<InitReport> {
  const { dataDirectory } = options
  const isNew = await asOwner(await ownerOf(dataDirectory), async () => {
    if (restore) await restoreAlone(options)
    return make(options)
  })
  const text = await readPrivateFile(adminPathOf(dataDirectory))
  if (text === undefined) {
    const why = 'the user admin was deleted or revoked'
    const way = 'another administrator can make it again, or you, with the master stopped: --restore-admin'
    throw new CodedError('NotFound', `cannot give you a configuration: because ${why}: ${way}`)
  }
  const [context] = checkClientConfig(JSON.parse(text)).contexts
  if (context?.ca === undefined)
    throw new CodedError('Invalid', `cannot read ${adminPathOf(dataDirectory)}: because it has no CA`)
  const configPath = caller.configPath ?? join(caller.homeDirectory, '.config', 'flotilla', 'config.yaml')
  const merged = await asOwner(caller.owner, () => mergeInto(configPath, context))
  const caFingerprint = readCertificate(context.ca).fingerprint
  return { isNew, pkiDirectory: pkiDirectoryOf(dataDirectory), caFingerprint, configPath, ...merged }
}

/** Resolves to whether there was nothing before. A master that runs has done it already. */
async function make(options: FoundationOptions): Promise<boolean> {
  try {
    return await makeCluster({ ...options, log: silentLog })
  } catch (error) {
    if (isLocked(error) && existsSync(adminPathOf(options.dataDirectory))) return false
    throw error
  }
}

async function restoreAlone(options: FoundationOptions): Promise<void> {
  try {
    await restoreAdmin(options)
  } catch (error) {
    if (!isLocked(error)) throw error
    const why = 'the master is running: stop it first (systemctl stop flotilla-master), and start it afterwards'
    throw new CodedError('BadRequest', `cannot let the user admin in again: because ${why}`, { cause: error })
  }
}

/** LevelDB's lock: by its code, which every wrapper keeps as a cause. */
function isLocked(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ((at as NodeJS.ErrnoException).code === 'LEVEL_LOCKED') return true
  }
  return false
}

/** Who has the directory, or the one that it will be made in. */
async function ownerOf(path: string): Promise<Owner> {
  try {
    const { uid, gid } = await stat(path)
    return { uid, gid }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error
    return { uid: 0, gid: 0 }
  }
}

async function mergeInto(
  path: string,
  context: ClientConfig['contexts'][number],
): Promise<{ contextName: string; isChanged: boolean }> {
  const { parseYamlDocuments, renderYaml } = await import('../contract/manifest/yaml.ts')
  const before = await readText(path)
  const read = (text: string): ClientConfig => {
    if (text.length > maxClientConfigBytes) throw new Error(`it is longer than ${maxClientConfigBytes} bytes`)
    const { documents, problems } = parseYamlDocuments(text, path)
    if (problems[0]) throw new Error(`line ${problems[0].line}: ${problems[0].message}`)
    return checkClientConfig(documents[0]?.value)
  }
  try {
    const config = before === undefined || before.trim() === '' ? undefined : read(before)
    const merged = mergeContext(config, context)
    const isChanged = config === undefined || renderYaml(merged.config) !== renderYaml(config)
    if (isChanged) {
      await makeDirectory(dirname(path), 0o700)
      await writePrivateFile(path, renderYaml(merged.config))
    }
    return { contextName: merged.name, isChanged }
  } catch (error) {
    const text = `cannot add the cluster to ${path}: because ${messageOf(error)}`
    throw new CodedError('Invalid', text, { cause: error })
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CodedError('ServiceUnavailable', `cannot read ${path}: because ${messageOf(error)}`, { cause: error })
  }
}
