/** One line of the audit log: who asked for what, and what came of it. Never a body, a secret or the text of an error. */

export interface AuditEntry {
  /** RFC 3339, with milliseconds. */
  time: string
  user: string
  /** Whom a review was about. */
  as?: string
  /** Of RBAC: `get`, `create` … */
  verb: string
  resource?: string
  group?: string
  subresource?: string
  namespace?: string
  name?: string
  dryRun?: true
  /** `OK`, or an ErrorCode. */
  code: string
  /** The MQTT client that asked, and the id of its request. */
  client?: string
  request?: string
}

export const auditLevels = ['none', 'changes', 'all'] as const
/** `changes`: what changed something or tried to, refusals, what gives access (logs, shells, tokens), reads of Secrets. */
export type AuditLevel = (typeof auditLevels)[number]

export interface AuditSink {
  /** Returns at once. */
  record(entry: AuditEntry): void
}

const reads = ['get', 'list', 'watch']
const refusals = ['Forbidden', 'Unauthorized']

/** Pure: whether an entry is one for this level. */
export function isAudited(level: AuditLevel, entry: AuditEntry): boolean {
  if (level !== 'changes') return level === 'all'
  const { verb, resource, group, subresource, code, dryRun } = entry
  if (refusals.includes(code)) return true
  // Each apply is preceded by its dry run, which changed nothing.
  if (dryRun) return false
  // The version, which everybody may know.
  if (resource === undefined) return false
  // Whoever asks what somebody may do changes nothing.
  if (group === 'authorization.k8s.io') return entry.as !== undefined
  if (!reads.includes(verb)) return true
  return subresource === 'log' || (resource === 'secrets' && group === '')
}
