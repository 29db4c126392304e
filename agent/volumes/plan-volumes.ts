/** Decides what a pod's volumes are made of. Pure. */
import type { Container } from '../../contract/resources/pod.ts'
import {
  type DownwardFile,
  type KeyToPath,
  serviceAccountPath,
  type Volume,
  type VolumeMount,
  type VolumeProjection,
} from '../../contract/resources/volume.ts'
import type { PodWish } from '../../contract/wire/fleet.ts'

/** Files that are ours to write; containers only read them. */
export interface FileVolume {
  name: string
  sources: FileSource[]
  defaultMode: number
}

export type FileSource =
  | { type: 'secret' | 'configMap'; name: string; items?: KeyToPath[] | undefined; optional: boolean }
  | { type: 'downward'; items: DownwardFile[] }
  | { type: 'token'; path: string; audience: string | undefined; expirationSeconds: number }

export interface VolumesPlan {
  files: FileVolume[]
  /** Names of directories that begin empty and are the containers' to write. */
  empty: string[]
}

/** No name of a manifest's volume has an underscore. */
const ownVolume = 'service_account'
/** Where each namespace of Kubernetes has the certificate of its cluster. */
export const rootCertificateMap = 'kube-root-ca.crt'
/** 0644 */
const defaultFileMode = 420
/** Kubernetes' own hour, and the seconds by which its tokens are told from those that are asked for. */
const ownTokenSeconds = 3607
const defaultTokenSeconds = 3600

export function planVolumes({ spec }: PodWish): VolumesPlan {
  const volumes = spec.volumes ?? []
  const own = spec.automountServiceAccountToken === true && spec.containers.some(needsOwn) ? [ownFiles] : []
  return {
    files: [...volumes.map(readFiles).filter(volume => volume !== undefined), ...own],
    empty: volumes.filter(({ emptyDir }) => emptyDir !== undefined).map(({ name }) => name),
  }
}

/** Those of the manifest, and that of the service account unless the container has put something else in its place. */
export function planMounts({ spec }: PodWish, container: Container): VolumeMount[] {
  const mounts = container.volumeMounts ?? []
  if (spec.automountServiceAccountToken !== true || !needsOwn(container)) return mounts
  return [...mounts, { name: ownVolume, mountPath: serviceAccountPath, readOnly: true }]
}

function needsOwn({ volumeMounts = [] }: Container): boolean {
  return !volumeMounts.some(({ mountPath }) => mountPath.replace(/\/+$/, '') === serviceAccountPath)
}

const ownFiles: FileVolume = {
  name: ownVolume,
  sources: [
    { type: 'token', path: 'token', audience: undefined, expirationSeconds: ownTokenSeconds },
    // A board that has not joined by a certificate knows none.
    { type: 'configMap', name: rootCertificateMap, items: [{ key: 'ca.crt', path: 'ca.crt' }], optional: true },
    { type: 'downward', items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] },
  ],
  defaultMode: defaultFileMode,
}

function readFiles({ name, secret, configMap, downwardAPI, projected }: Volume): FileVolume | undefined {
  const one = (projection: VolumeProjection, defaultMode = defaultFileMode): FileVolume => ({
    name,
    sources: readProjection(projection),
    defaultMode,
  })
  if (secret) return one({ secret: { ...secret, name: secret.secretName ?? '' } }, secret.defaultMode)
  if (configMap) return one({ configMap }, configMap.defaultMode)
  if (downwardAPI) return one({ downwardAPI }, downwardAPI.defaultMode)
  if (!projected) return undefined
  const { sources = [], defaultMode = defaultFileMode } = projected
  return { name, sources: sources.flatMap(readProjection), defaultMode }
}

function readProjection({ secret, configMap, downwardAPI, serviceAccountToken }: VolumeProjection): FileSource[] {
  const sources: FileSource[] = []
  for (const [type, chosen] of [
    ['secret', secret],
    ['configMap', configMap],
  ] as const) {
    if (!chosen) continue
    sources.push({ type, name: chosen.name ?? '', items: chosen.items, optional: chosen.optional ?? false })
  }
  if (downwardAPI) sources.push({ type: 'downward', items: downwardAPI.items ?? [] })
  if (serviceAccountToken) {
    const { path, audience, expirationSeconds = defaultTokenSeconds } = serviceAccountToken
    sources.push({ type: 'token', path, audience: audience || undefined, expirationSeconds })
  }
  return sources
}
