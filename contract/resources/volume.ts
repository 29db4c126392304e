/** Files that a pod's containers see (core/v1 Volume, VolumeMount). Fields are those that Flotilla acts on. */

/** One source beside the name; `emptyDir` without any. */
export interface Volume {
  name: string
  secret?: { secretName?: string } & FileChoice & { defaultMode?: number }
  configMap?: { name?: string } & FileChoice & { defaultMode?: number }
  downwardAPI?: { items?: DownwardFile[]; defaultMode?: number }
  projected?: { sources?: VolumeProjection[]; defaultMode?: number }
  emptyDir?: { medium?: string; sizeLimit?: string }
  [source: string]: unknown
}

/** One of them each. */
export interface VolumeProjection {
  secret?: { name?: string } & FileChoice
  configMap?: { name?: string } & FileChoice
  downwardAPI?: { items?: DownwardFile[] }
  serviceAccountToken?: TokenFile
  [source: string]: unknown
}

interface FileChoice {
  /** Without them: a file for each key. */
  items?: KeyToPath[]
  optional?: boolean
}

export interface KeyToPath {
  key: string
  /** Below the volume. */
  path: string
  mode?: number
}

export interface DownwardFile {
  path: string
  mode?: number
  fieldRef?: { fieldPath: string; apiVersion?: string }
  [source: string]: unknown
}

export interface TokenFile {
  path: string
  /** Whom the token is to be shown to; without it: the cluster's own API. */
  audience?: string
  expirationSeconds?: number
}

export interface VolumeMount {
  name: string
  mountPath: string
  readOnly?: boolean
  /** One file or directory of the volume instead of all of it. */
  subPath?: string
  /** The same, with the container's variables in it. */
  subPathExpr?: string
  [field: string]: unknown
}

/** Where Kubernetes' client libraries look for who they are. */
export const serviceAccountPath = '/var/run/secrets/kubernetes.io/serviceaccount'

/** What `fieldRef` can reach in a file: nothing of what is known only when the pod runs. */
export const fileFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'metadata.labels',
  'metadata.annotations',
]
/** One label or annotation, in a file as in the environment. */
export const mapFieldPath = /^metadata\.(labels|annotations)\['([^']+)'\]$/

/** What is wrong with a path below a volume (core/v1 `validateLocalDescendingPath`); undefined when nothing is. */
export function checkFilePath(path: string): string | undefined {
  if (path === '') return 'is required'
  if (path.length > maxPathLength) return `must be at most ${maxPathLength} characters`
  if (path.startsWith('/')) return 'must be relative: it is a place in the volume'
  if (path.includes('\0')) return 'must not hold a NUL'
  if (path.split('/').includes('..')) return 'must not hold "..": it would leave the volume'
  return undefined
}

/** The same for a file that we write: its first part must not be taken for one of our own links. */
export function checkVolumeFile(path: string): string | undefined {
  return checkFilePath(path) ?? (path.startsWith('..') ? 'must not begin with ".."' : undefined)
}

const maxPathLength = 1024
