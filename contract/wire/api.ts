/** What a client asks of the API, and what it gets: the verbs of Kubernetes, free of any transport. */
import type { ErrorCode, Problem } from '../../kit/errors.ts'
import type { AnyObject, ObjectList } from '../resources/meta.ts'

/** Which objects: a kind by its plural and group, then one by name or all of a namespace (all namespaces if absent). */
export interface Target {
  /** `pods`, `deployments` … */
  resource: string
  group: string
  namespace?: string
  name?: string
}

export type ApiRequest =
  | { verb: 'get'; target: Target }
  | ({ verb: 'list'; target: Target; limit?: number; continue?: string } & Selectors)
  | ({ verb: 'watch'; target: Target; resourceVersion?: string } & Selectors)
  | { verb: 'create'; target: Target; object: AnyObject; dryRun?: boolean }
  | { verb: 'update'; target: Target; object: AnyObject; dryRun?: boolean; subresource?: 'status' }
  | { verb: 'patch'; target: Target; patch: unknown; patchType: PatchType; dryRun?: boolean }
  /**
   * Create, or merge with what is there as `kubectl apply` does (three ways, by the last-applied annotation). A dry run takes
   * `pendingNamespaces` for made: those that the same manifest makes before.
   */
  | { verb: 'apply'; target: Target; object: AnyObject; dryRun?: boolean; pendingNamespaces?: string[] }
  | { verb: 'delete'; target: Target; gracePeriodSeconds?: number; uid?: string; dryRun?: boolean }
  /** Subresources of a running pod: the master finds the node and passes the request on to it. */
  | { verb: 'logs'; target: Target; options: LogOptions }
  | { verb: 'exec'; target: Target; options: ExecOptions }
  | { verb: 'version' }

export interface Selectors {
  /** In `kubectl -l` syntax: `app=web,tier!=db,env in (a,b),!x`. */
  labelSelector?: string
  /** `metadata.name=x,spec.nodeName=y,status.phase!=Running`, `involvedObject.name=…`. */
  fieldSelector?: string
}

/** `merge`: JSON merge patch (RFC 7386). `json`: JSON patch (RFC 6902). */
export type PatchType = 'merge' | 'json'

export interface LogOptions {
  container?: string
  follow?: boolean
  previous?: boolean
  tailLines?: number
  sinceSeconds?: number
  timestamps?: boolean
}

export interface ExecOptions {
  container?: string
  command: string[]
  stdin?: boolean
  tty?: boolean
  /** The terminal's size when `tty`. */
  size?: { columns: number; rows: number }
}

export type ApiResponse =
  | { object: AnyObject; warnings?: string[] /** What apply or delete did. */; outcome?: Outcome }
  | { list: ObjectList }
  | { version: { flotilla: string; cluster: string; epoch: number } }
  /** watch, logs, exec: the stream is open. */
  | { stream: true }

export type Outcome = 'created' | 'configured' | 'unchanged' | 'deleted' | 'deleting'

/** An error as it crosses the wire; `kit/errors` on both sides. */
export interface WireError {
  code: ErrorCode
  message: string
  problems?: Problem[]
}

/** Frames of a watch, downwards. ERROR with code `Expired` says: list anew. */
export type WatchFrame =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: AnyObject }
  | { type: 'BOOKMARK'; resourceVersion: string }
  | { type: 'ERROR'; error: WireError }
