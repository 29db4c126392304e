/** Turns a group of commits into one write for LevelDB: each checked against what those before it leave behind. Pure. */
import type { Write } from './level-database.ts'
import { logKey, logRecord, objectPrefix, objectRecord, type Stored } from './level-layout.ts'
import type { StoreEvent } from './store.ts'
import { planCommit, type Step } from './transaction.ts'

export interface PendingCommit {
  steps: Step[]
  durable: boolean
  resolve: (revision: number) => void
  reject: (error: unknown) => void
}

/** Decided before it is written, settled after. */
export interface GroupPlan {
  /** Of the last commit that changes something; `issued` when none does. */
  revision: number
  /** Objects and change log, without the state. */
  writes: Write[]
  /** The events of each commit that changes something. */
  commits: StoreEvent[][]
  settle: Array<() => void>
}

export interface GroupBase {
  /** The last revision handed out, also by a group whose write failed. */
  issued: number
  /** The last revision committed: what a commit that changes nothing resolves to. */
  committed: number
  /** What is stored under every key that the group names. */
  stored: Map<string, Stored | undefined>
}

export function planGroup(group: PendingCommit[], { issued, committed, stored }: GroupBase): GroupPlan {
  const overlay = new Map(stored)
  const objects = new Map<string, Write>()
  const plan: GroupPlan = { revision: issued, writes: [], commits: [], settle: [] }
  for (const { steps, resolve, reject } of group) {
    try {
      const events = planCommit(steps, plan.revision + 1, key => overlay.get(key))
      if (events.length > 0) {
        plan.revision += 1
        plan.commits.push(events)
      }
      const revision = plan.commits.length > 0 ? plan.revision : committed
      for (const event of events) overlay.set(event.key, event.type === 'put' ? event : undefined)
      for (const step of steps) if (step.type !== 'check') objects.set(step.key, writeOf(step, revision))
      plan.settle.push(() => resolve(revision))
    } catch (error) {
      plan.settle.push(() => reject(error))
    }
  }
  plan.writes = [...objects.values(), ...plan.commits.map(putLog)]
  return plan
}

function writeOf(step: Step, revision: number): Write {
  const key = objectPrefix + step.key
  return step.type === 'put'
    ? { type: 'put', key, value: objectRecord(revision, step.text ?? '') }
    : { type: 'del', key }
}

function putLog(events: StoreEvent[]): Write {
  return { type: 'put', key: logKey(events[0]?.revision ?? 0), value: logRecord(events) }
}
