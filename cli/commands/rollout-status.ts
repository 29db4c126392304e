/** `flotilla rollout status`: follows a rollout to its end. */
import { withSession } from '../connect.ts'
import type { RunCommand } from '../fleet.ts'
import { readOptions } from '../options.ts'
import { parseOneResource } from '../resource-args.ts'
import { UsageError } from '../usage-error.ts'
import { watchRollout } from '../watch-rollout.ts'

export const runRolloutStatus: RunCommand = async (input, fleet) => {
  const { kind, name } = parseOneResource(input.arguments, 'deployments')
  if (kind.kind !== 'Deployment')
    throw new UsageError(`cannot follow a ${kind.singular}: only deployments roll out so far`)
  const timeoutMs = readOptions(input).duration('timeout') || undefined
  return withSession(input, fleet, ({ api, namespace }) =>
    watchRollout({ api, terminal: fleet.terminal, namespace, name, timeoutMs }),
  )
}
