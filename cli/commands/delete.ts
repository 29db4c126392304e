/** `flotilla delete`: by manifest, by name, or all that a selector means; waits until they are gone. */
import type { Kind } from '../../contract/resources/kinds.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { Target } from '../../contract/wire/api.ts'
import { hasCode } from '../../kit/errors.ts'
import { type Session, withSession } from '../connect.ts'
import { describeFailure } from '../failure.ts'
import type { Fleet, RunCommand } from '../fleet.ts'
import { byDependence, readFiles } from '../manifest-files.ts'
import { type Options, readOptions } from '../options.ts'
import { parseResourceArgs, targetOf } from '../resource-args.ts'
import { resourceWord } from '../tables/tables.ts'
import { UsageError } from '../usage-error.ts'
import { type Doomed, waitGone } from '../wait-gone.ts'
import { selectorsOf } from './get.ts'

interface Victim {
  kind: Kind
  target: Target
}

export const runDelete: RunCommand = async (input, fleet) => {
  const options = readOptions(input)
  const deletion = readDeletion(options)
  const files = options.list('filename')
  if (files.length > 0 === input.arguments.length > 0)
    throw new UsageError('name what to delete either by -f FILE or by TYPE and NAME')
  const manifests =
    files.length > 0
      ? await readFiles(files, { recursive: options.flag('recursive'), terminal: fleet.terminal })
      : undefined
  if (files.length > 0 && !manifests) return 1
  return withSession(input, fleet, async session => {
    // What was made last goes first: a namespace after what is in it.
    const victims = manifests
      ? byDependence(manifests)
          .map(({ kind, source }) => victimOf(kind, source.object, session))
          .reverse()
      : await findVictims(input.arguments, options, session)
    return deleteAll(victims, { ...deletion, session, fleet })
  })
}

function victimOf(kind: Kind, { metadata }: AnyObject, session: Session): Victim {
  return { kind, target: targetOf(kind, metadata.namespace ?? session.namespace, metadata.name) }
}

async function findVictims(args: string[], options: Options, session: Session): Promise<Victim[]> {
  const selectors = selectorsOf(options)
  const selecting =
    options.flag('all') || selectors.labelSelector !== undefined || selectors.fieldSelector !== undefined
  const victims: Victim[] = []
  for (const { kind, names } of parseResourceArgs(args)) {
    if (names.length > 0 === selecting)
      throw new UsageError(
        selecting
          ? 'name objects, or select them: not both'
          : 'resource(s) were provided, but no name was specified (or --all, or -l)',
      )
    const namespace = options.flag('allNamespaces') && selecting ? undefined : session.namespace
    for (const name of names) victims.push({ kind, target: targetOf(kind, namespace, name) })
    if (!selecting) continue
    const { items } = await session.api.list(targetOf(kind, namespace), selectors)
    for (const { metadata } of items) victims.push({ kind, target: targetOf(kind, metadata.namespace, metadata.name) })
  }
  return victims
}

interface Deletion {
  dryRun: boolean
  wait: boolean
  ignoreNotFound: boolean
  /** Undefined: each pod's own. */
  gracePeriodSeconds: number | undefined
  /** Undefined: as long as it takes. */
  timeoutMs: number | undefined
}

/** Before anything is done: a slip in the last option must not be told when the first object is gone. */
function readDeletion(options: Options): Deletion {
  const grace = options.number('gracePeriod') ?? (options.flag('now') ? 1 : undefined)
  const dryRun = (options.text('dryRun') ?? 'none') !== 'none'
  return {
    dryRun,
    wait: options.text('wait') !== 'false' && !dryRun,
    ignoreNotFound: options.flag('ignoreNotFound'),
    gracePeriodSeconds: options.flag('force') ? 0 : grace,
    timeoutMs: options.duration('timeout') || undefined,
  }
}

async function deleteAll(victims: Victim[], deletion: Deletion & { session: Session; fleet: Fleet }): Promise<number> {
  const { dryRun, wait, ignoreNotFound, gracePeriodSeconds, timeoutMs, session, fleet } = deletion
  const { terminal } = fleet
  const how = { dryRun, ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }) }
  const doomed: Doomed[] = []
  let failures = 0
  for (const { kind, target } of victims) {
    try {
      const { object } = await session.api.delete(target, how)
      terminal.print(`${resourceWord(kind)} "${target.name}" ${dryRun ? 'deleted (dry run)' : 'deleted'}\n`)
      doomed.push({ kind, object })
    } catch (error) {
      if (hasCode(error, 'NotFound') && ignoreNotFound) continue
      failures++
      terminal.warn(`${describeFailure(error)}\n`)
    }
  }
  if (victims.length === 0) terminal.print('No resources found\n')
  if (wait) await waitGone(doomed, { api: session.api, terminal, timeoutMs })
  return failures > 0 ? 1 : 0
}
