/** Renders the files of a volume from the objects that it names. */
import { checkConfigKey } from '../../contract/resources/names.ts'
import { checkVolumeFile, type KeyToPath, mapFieldPath } from '../../contract/resources/volume.ts'
import type { ConfigMapWish, PodWish } from '../../contract/wire/fleet.ts'
import { CodedError } from '../../kit/errors.ts'
import type { FileSource, FileVolume } from './plan-volumes.ts'

export interface VolumeFile {
  content: Buffer
  mode: number
  /** Undefined: the agent's own. */
  uid?: number
  gid?: number
}

/** By path below the volume. */
export type VolumeFiles = Map<string, VolumeFile>

/** What the files are made of. Undefined where there is none. */
export interface FileObjects {
  pod: PodWish
  configMap(name: string): ConfigMapWish | undefined
  /** Its values in base64. */
  secret(name: string): Promise<Record<string, string> | undefined>
  /** By its path in the volume. */
  token(path: string): string | undefined
}

/** More is no configuration; it would be the board's memory that it fills. */
const maxVolumeBytes = 8 * 1024 * 1024

/** Rejects with `NotFound` or `Invalid`; no message holds a value. */
export async function renderFiles({ sources, defaultMode }: FileVolume, objects: FileObjects): Promise<VolumeFiles> {
  const files: VolumeFiles = new Map()
  const owner = ownerOf(objects.pod)
  for (const source of sources) {
    for (const { path, content, mode = defaultMode, isToken = false } of await readSource(source, objects)) {
      const problem = checkVolumeFile(path)
      if (problem !== undefined) throw invalid(`${JSON.stringify(path.slice(0, 80))} ${problem}`)
      files.set(path, { content, ...permissionsOf(mode, { ...owner, isToken }) })
    }
  }
  const bytes = [...files.values()].reduce((sum, { content }) => sum + content.length, 0)
  if (bytes > maxVolumeBytes) throw invalid(`it has ${bytes} bytes, more than ${maxVolumeBytes}`)
  return files
}

interface Owner {
  /** Whom all the pod's containers run as, when they agree. */
  user: number | undefined
  group: number | undefined
}

/** As the kubelet does (`SetVolumeOwnership`, projected `collectData`): the group may read; a token is for its own user alone. */
function permissionsOf(
  mode: number,
  { user, group, isToken }: Owner & { isToken: boolean },
): Omit<VolumeFile, 'content'> {
  const isPrivate = isToken && (user !== undefined || group !== undefined)
  const own = isPrivate ? 0o600 : mode
  return {
    mode: group === undefined ? own : own | 0o440,
    ...(isPrivate && user !== undefined && { uid: user }),
    ...(group !== undefined && { gid: group }),
  }
}

function ownerOf({ spec }: PodWish): Owner {
  const users = spec.containers.map(
    ({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  )
  const [user] = users
  return { user: users.every(other => other === user) ? user : undefined, group: spec.securityContext?.fsGroup }
}

interface RawFile {
  path: string
  content: Buffer
  mode?: number | undefined
  isToken?: boolean
}

async function readSource(source: FileSource, objects: FileObjects): Promise<RawFile[]> {
  switch (source.type) {
    case 'secret': {
      const values = await objects.secret(source.name)
      return chooseFiles(source, values && decodeAll(values))
    }
    case 'configMap': {
      const map = objects.configMap(source.name)
      return chooseFiles(source, map && { ...encodeAll(map.data ?? {}), ...decodeAll(map.binaryData ?? {}) })
    }
    case 'downward':
      return source.items.flatMap(({ path, mode, fieldRef }) =>
        fieldRef ? [{ path, mode, content: Buffer.from(readField(fieldRef.fieldPath, objects.pod)) }] : [],
      )
    case 'token': {
      // It comes later when the master is away: a pod does not wait for it.
      const token = objects.token(source.path)
      return token === undefined ? [] : [{ path: source.path, content: Buffer.from(token), isToken: true }]
    }
  }
}

interface Choice {
  type: 'secret' | 'configMap'
  name: string
  items?: KeyToPath[] | undefined
  optional: boolean
}

function chooseFiles({ type, name, items, optional }: Choice, values: Record<string, Buffer> | undefined): RawFile[] {
  if (!values) {
    if (optional) return []
    throw new CodedError('NotFound', `${type === 'secret' ? 'secret' : 'configmap'} "${name}" not found`)
  }
  if (!items) {
    const keys = Object.keys(values).filter(key => checkConfigKey(key) === undefined)
    return keys.map(key => ({ path: key, content: values[key] as Buffer }))
  }
  return items.flatMap(({ key, path, mode }) => {
    if (Object.hasOwn(values, key)) return [{ path, mode, content: values[key] as Buffer }]
    if (optional) return []
    throw new CodedError('NotFound', `couldn't find key ${key} in ${type} "${name}"`)
  })
}

/** As Kubernetes writes them: a map as lines of `key="value"`, sorted. */
function readField(path: string, { metadata }: PodWish): string {
  const entry = mapFieldPath.exec(path)
  if (entry) {
    const values = metadata[entry[1] as 'labels' | 'annotations'] ?? {}
    return Object.hasOwn(values, entry[2] ?? '') ? (values[entry[2] ?? ''] ?? '') : ''
  }
  switch (path) {
    case 'metadata.name':
      return metadata.name
    case 'metadata.namespace':
      return metadata.namespace ?? ''
    case 'metadata.uid':
      return metadata.uid ?? ''
    case 'metadata.labels':
    case 'metadata.annotations': {
      const values = metadata[path === 'metadata.labels' ? 'labels' : 'annotations'] ?? {}
      const lines = Object.keys(values)
        .sort()
        .map(key => `${key}=${JSON.stringify(values[key])}`)
      return lines.join('\n')
    }
    default:
      throw invalid(`no file can hold the field ${path}`)
  }
}

function encodeAll(values: Record<string, string>): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value)]))
}

function decodeAll(values: Record<string, string>): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value, 'base64')]))
}

function invalid(reason: string): CodedError {
  return new CodedError('Invalid', `cannot write the volume: because ${reason}`)
}
