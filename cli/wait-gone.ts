/** Waits until objects are gone, and says on the way which ones are still there. */

import type { Kind } from '../contract/resources/kinds.ts'
import type { AnyObject } from '../contract/resources/meta.ts'
import { CodedError } from '../kit/errors.ts'
import type { ApiClient } from './api-client.ts'
import { follow } from './follow.ts'
import { targetOf } from './resource-args.ts'
import { kindSlashName } from './tables/tables.ts'
import type { Terminal } from './terminal.ts'

export interface Doomed {
  kind: Kind
  object: AnyObject
}

export interface WaitOptions {
  api: ApiClient
  terminal: Terminal
  /** Undefined: as long as it takes. */
  timeoutMs: number | undefined
}

/** How soon to say what is being waited for: a quick end needs no words. */
const patienceMs = 2000

/** Rejects with `Timeout`, naming what is still there. */
export async function waitGone(doomed: Doomed[], { api, terminal, timeoutMs }: WaitOptions): Promise<void> {
  const { clock, hungUp } = terminal
  const left = new Map(doomed.map(one => [one, kindSlashName(one.kind, one.object.metadata.name)]))
  const timeout = new AbortController()
  const signal = AbortSignal.any([hungUp, timeout.signal])
  const cancels = [
    clock.after(patienceMs, () => terminal.warn(`waiting for ${[...left.values()].join(', ')} to end…\n`)),
    timeoutMs === undefined ? () => undefined : clock.after(timeoutMs, () => timeout.abort()),
  ]
  try {
    await Promise.all(
      doomed.map(async one => {
        if (await isGone(one, { api, clock, signal })) left.delete(one)
      }),
    )
  } finally {
    for (const cancel of cancels) cancel()
  }
  if (left.size === 0 || hungUp.aborted) return
  const names = [...left.values()].join(', ')
  throw new CodedError('Timeout', `timed out waiting for ${names}: still there after ${(timeoutMs ?? 0) / 1000} s`)
}

/** True as soon as this very object (by its uid) is gone; false when the signal came first. */
async function isGone(
  { kind, object }: Doomed,
  { api, clock, signal }: { api: ApiClient; clock: Terminal['clock']; signal: AbortSignal },
): Promise<boolean> {
  const { name, namespace, uid } = object.metadata
  const done = new AbortController()
  let gone = false
  let present = false
  const finish = (): void => {
    gone = true
    done.abort()
  }
  const changes = follow({
    api,
    clock,
    target: targetOf(kind, namespace, name),
    options: { signal: AbortSignal.any([signal, done.signal]) },
    // What was there at the start has been told: if this object was not among it, it is gone.
    onPresent: () => void (present || finish()),
    onRestart: () => {
      present = false
    },
  })
  for await (const change of changes) {
    const same = uid === undefined || change.object.metadata.uid === uid
    present = same && change.type !== 'DELETED'
    if (!present) finish()
  }
  return gone
}
