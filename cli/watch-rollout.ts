/** Follows a Deployment's rollout to its end, a line for each step. */
import type { AnyObject } from '../contract/resources/meta.ts'
import type { Deployment } from '../contract/resources/workloads.ts'
import { CodedError } from '../kit/errors.ts'
import type { ApiClient } from './api-client.ts'
import { follow } from './follow.ts'
import { kindNamed, targetOf } from './resource-args.ts'
import { describeRollout } from './rollout-status.ts'
import type { Terminal } from './terminal.ts'

export interface RolloutWatch {
  api: ApiClient
  terminal: Terminal
  namespace: string
  name: string
  /** Undefined: as long as it takes. */
  timeoutMs: number | undefined
}

/** Resolves to the exit status: 1 when the rollout failed. Rejects with `Timeout`, or `NotFound`. */
export async function watchRollout({ api, terminal, namespace, name, timeoutMs }: RolloutWatch): Promise<number> {
  const target = targetOf(kindNamed('deployments'), namespace, name)
  await api.get(target)
  const end = new AbortController()
  const signal = AbortSignal.any([terminal.hungUp, end.signal])
  const cancel = timeoutMs === undefined ? () => undefined : terminal.clock.after(timeoutMs, () => end.abort())
  let said = ''
  try {
    for await (const { type, object } of follow({ api, clock: terminal.clock, target, options: { signal } })) {
      if (type === 'DELETED') throw new CodedError('NotFound', `deployment "${name}" was deleted during its rollout`)
      const { state, message } = describeRollout(object as AnyObject & Deployment)
      if (state === 'failed') terminal.warn(`error: ${message}\n`)
      else if (message !== said) terminal.print(`${message}\n`)
      said = message
      if (state !== 'waiting') return state === 'done' ? 0 : 1
    }
  } finally {
    cancel()
  }
  if (terminal.hungUp.aborted) return 0
  const seconds = (timeoutMs ?? 0) / 1000
  throw new CodedError(
    'Timeout',
    `timed out after ${seconds} s: ${said || `nothing was heard of deployment "${name}"`}`,
  )
}
