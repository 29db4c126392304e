/** What a client asks of the API, and what it gets: the verbs of Kubernetes, free of any transport. */
import type { WireError } from '../../kit/errors.ts'
import type { AnyObject, ObjectList } from '../resources/meta.ts'
import type { PolicyRule } from '../resources/rbac.ts'

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
  /**
   * A certificate for the key of `csr` (PEM), in the name of the target: a user, or the asker itself. A node asks without a
   * CSR: its key stays the one that it joined with.
   */
  | { verb: 'sign'; target: Target; csr?: string }
  /**
   * A bearer token in the name of the target: a user, or a service account; `pod` binds it to the life of one pod. `audience`
   * is whom it is to be shown to, when that is not this API.
   */
  | {
      verb: 'token'
      target: Target
      expirationSeconds?: number
      audience?: string
      pod?: { name: string; uid: string }
    }
  /** May the asker, or whom he stands in for, do this? */
  | { verb: 'review'; attributes: ReviewAttributes; as?: string; asGroups?: string[] }
  /** All that the asker, or whom he stands in for, may do in a namespace. */
  | { verb: 'rules'; namespace: string; as?: string; asGroups?: string[] }
  /** A new key for the secrets in the store: every one is encrypted anew, and the old key forgotten. */
  | { verb: 'rotate' }
  /** What a board must be told to join: the line of join.ts but for the token. */
  | { verb: 'invite' }
  /** What the broker has let in and refused since the master's start, and what messages could not be read. */
  | { verb: 'counters' }

/** In RBAC's words: `get`, `pods`, '' (the core group), `log`. Without a namespace: in all of them. */
export interface ReviewAttributes {
  verb: string
  resource: string
  group: string
  subresource?: string
  namespace?: string
  name?: string
}

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
  /** PEM. `time`: by the master's clock, RFC 3339, for nodes whose own may be wrong. */
  | { certificate: string; ca: string; time?: string }
  | { token: string; expirationTimestamp: string }
  | { allowed: boolean; reason: string }
  /** `user`: whose they are. */
  | { rules: PolicyRule[]; user: { username: string; groups: string[] } }
  | { rotated: number }
  /** By name, such as `broker.clients`, `broker.refused.topic`, `messages.bad.report`. */
  | { counters: Record<string, number> }
  | { invitation: { cluster: string; addresses: string[]; caFingerprint: string } }

export type Outcome = 'created' | 'configured' | 'unchanged' | 'deleted' | 'deleting'

/** Frames of a watch, downwards. ERROR with code `Expired` says: list anew. */
export type WatchFrame =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: AnyObject }
  | { type: 'BOOKMARK'; resourceVersion: string }
  | { type: 'ERROR'; error: WireError }
