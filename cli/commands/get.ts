/** `flotilla get`: tables, documents and names of objects, once or as they change. */
import type { Kind } from '../../contract/resources/kinds.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { NodeMetrics } from '../../contract/resources/node.ts'
import type { Selectors } from '../../contract/wire/api.ts'
import { CodedError, hasCode } from '../../kit/errors.ts'
import { type Session, withSession } from '../connect.ts'
import { describeFailure } from '../failure.ts'
import type { RunCommand } from '../fleet.ts'
import { follow } from '../follow.ts'
import { type Options, readOptions } from '../options.ts'
import { isMachineFormat, renderObjects } from '../output.ts'
import { kindNamed, parseResourceArgs, targetOf, type Wanted } from '../resource-args.ts'
import { TablePrinter } from '../table-printer.ts'
import { byEventTime } from '../tables/events.ts'
import type { TableView } from '../tables/tables.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Get {
  session: Session
  terminal: Terminal
  options: Options
  /** Undefined: all namespaces. */
  namespace: string | undefined
  selectors: Selectors
  format: string | undefined
}

/** What came of one kind. */
interface Found {
  kind: Kind
  objects: AnyObject[]
  /** Where a watch goes on. */
  resourceVersion: string | undefined
}

export const runGet: RunCommand = async (input, fleet) => {
  const options = readOptions(input)
  const wanted = parseResourceArgs(input.arguments)
  checkUse(wanted, options)
  return withSession(input, fleet, async session => {
    const get: Get = {
      session,
      terminal: fleet.terminal,
      options,
      namespace: options.flag('allNamespaces') ? undefined : session.namespace,
      selectors: selectorsOf(options),
      format: options.text('output'),
    }
    return options.flag('watch') || options.flag('watchOnly') ? watchObjects(get, wanted[0]!) : getOnce(get, wanted)
  })
}

export function selectorsOf(options: Options): Selectors {
  const [labelSelector, fieldSelector] = [options.text('selector'), options.text('fieldSelector')]
  return { ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) }
}

function checkUse(wanted: Wanted[], options: Options): void {
  const named = wanted.some(({ names }) => names.length > 0)
  if (named && (options.text('selector') || options.flag('allNamespaces')))
    throw new UsageError('a resource cannot be retrieved by name together with a selector or across all namespaces')
  const watching = options.flag('watch') || options.flag('watchOnly')
  if (watching && (wanted.length > 1 || (wanted[0]?.names.length ?? 0) > 1))
    throw new UsageError('you may only watch one type of resource, or one object, at a time')
}

async function getOnce(get: Get, wanted: Wanted[]): Promise<number> {
  const failures: unknown[] = []
  const found: Found[] = []
  for (const one of wanted) found.push(await fetchObjects(get, one, failures))
  const objects = found.flatMap(({ objects }) => objects)
  if (isMachineFormat(get.format)) {
    const one = wanted.length === 1 && wanted[0]?.names.length === 1
    if (objects.length > 0 || !one) get.terminal.print(await renderObjects(objects, get.format, one))
  } else await printTables(get, found, objects.length === 0 && failures.length === 0)
  for (const failure of failures) get.terminal.warn(`${describeFailure(failure)}\n`)
  return failures.length > 0 ? 1 : 0
}

/** Objects that are not there are gathered in `failures`; the others are shown nevertheless. */
async function fetchObjects(get: Get, { kind, names }: Wanted, failures: unknown[]): Promise<Found> {
  const { api } = get.session
  if (names.length === 0) {
    const list = await api.list(targetOf(kind, get.namespace), get.selectors)
    // The names of events mean nothing to a reader: they are told in the order in which they happened.
    const objects = kind.kind === 'Event' ? list.items.sort(byEventTime) : list.items
    return { kind, objects, resourceVersion: list.metadata.resourceVersion }
  }
  const objects: AnyObject[] = []
  for (const name of names) {
    try {
      objects.push(await api.get(targetOf(kind, get.namespace, name)))
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'NotFound') throw error
      failures.push(error)
    }
  }
  return { kind, objects, resourceVersion: objects[0]?.metadata.resourceVersion }
}

async function printTables(get: Get, found: Found[], nothing: boolean): Promise<void> {
  const { terminal, namespace } = get
  if (nothing) {
    const clusterWide = namespace === undefined || found.every(({ kind }) => !kind.namespaced)
    terminal.warn(clusterWide ? 'No resources found\n' : `No resources found in ${namespace} namespace.\n`)
    return
  }
  const shown = found.filter(({ objects }) => objects.length > 0)
  for (const [index, { kind, objects }] of shown.entries()) {
    if (index > 0) terminal.print('\n')
    const printer = new TablePrinter(terminal, kind, viewOf(get, found.length > 1))
    printer.print(objects, await usageFor(get, kind))
  }
}

function viewOf({ options, namespace, format }: Get, withKind: boolean): TableView & { headers: boolean } {
  return {
    wide: format === 'wide',
    showLabels: options.flag('showLabels'),
    withNamespace: namespace === undefined,
    withKind,
    headers: !options.isOff('headers'),
  }
}

/** The load of the boards belongs to the wide table of nodes only. */
async function usageFor({ session, format }: Get, kind: Kind): Promise<Map<string, NodeMetrics>> {
  if (kind.kind !== 'Node' || format !== 'wide') return new Map()
  try {
    const { items } = await session.api.list(targetOf(kindNamed('nodemetrics'), undefined))
    return new Map(items.map(item => [item.metadata.name, item as unknown as NodeMetrics]))
  } catch (error) {
    // Who may see the boards, and not their load, sees the boards.
    if (hasCode(error, 'Forbidden')) return new Map()
    throw error
  }
}

async function watchObjects(get: Get, wanted: Wanted): Promise<number> {
  const { kind, names } = wanted
  const { session, terminal, format, options } = get
  const printer = new TablePrinter(terminal, kind, viewOf(get, false))
  const show = async (objects: AnyObject[]): Promise<void> => {
    if (!isMachineFormat(format)) return printer.print(objects, await usageFor(get, kind))
    for (const object of objects) terminal.print(await renderObjects([object], format, true))
  }
  const [name] = names
  const target = targetOf(kind, get.namespace, name)
  const failures: unknown[] = []
  const found = await fetchObjects(get, wanted, failures)
  if (failures.length > 0) throw failures[0]
  if (!options.flag('watchOnly') && found.objects.length > 0) await show(found.objects)
  const from = { resourceVersion: found.resourceVersion ?? '', signal: terminal.hungUp }
  const changes = follow({ api: session.api, clock: terminal.clock, target, options: { ...get.selectors, ...from } })
  for await (const { object } of changes) await show([object])
  return 0
}
