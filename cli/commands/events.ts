/** `flotilla events`: what has happened, oldest first, and what happens with `-w`. */
import type { AnyObject } from '../../contract/resources/meta.ts'
import { withSession } from '../connect.ts'
import type { RunCommand } from '../fleet.ts'
import { follow } from '../follow.ts'
import { readOptions } from '../options.ts'
import { isMachineFormat, renderObjects } from '../output.ts'
import { kindNamed, parseOneResource, targetOf } from '../resource-args.ts'
import { TablePrinter } from '../table-printer.ts'
import { byEventTime } from '../tables/events.ts'
import { UsageError } from '../usage-error.ts'

export const runEvents: RunCommand = async (input, fleet) => {
  const { terminal } = fleet
  const options = readOptions(input)
  const about = options.text('for')
  const fieldSelector = about === undefined ? undefined : selectorFor(about)
  const types = typesOf(options.list('types'))
  const format = options.text('output')
  return withSession(input, fleet, async ({ api, namespace }) => {
    const everywhere = options.flag('allNamespaces')
    const kind = kindNamed('events')
    const target = targetOf(kind, everywhere ? undefined : namespace)
    const list = await api.list(target, fieldSelector ? { fieldSelector } : {})
    const events = list.items.filter(event => isOfType(event, types)).sort(byEventTime)
    const printer = new TablePrinter(terminal, kind, {
      wide: format === 'wide',
      showLabels: false,
      withKind: false,
      withNamespace: everywhere,
      headers: !options.isOff('headers'),
    })
    const show = async (objects: AnyObject[], one: boolean): Promise<void> => {
      if (isMachineFormat(format)) terminal.print(await renderObjects(objects, format, one))
      else printer.print(objects)
    }
    if (events.length > 0 || isMachineFormat(format)) await show(events, false)
    else terminal.warn(everywhere ? 'No events found.\n' : `No events found in ${namespace} namespace.\n`)
    if (!options.flag('watch')) return 0
    const { resourceVersion } = list.metadata
    const watch = { resourceVersion, signal: terminal.hungUp, ...(fieldSelector && { fieldSelector }) }
    for await (const { type, object } of follow({ api, clock: terminal.clock, target, options: watch }))
      if (type !== 'DELETED' && isOfType(object, types)) await show([object], true)
    return 0
  })
}

function selectorFor(about: string): string {
  const { kind, name } = parseOneResource([about], 'pods')
  return `involvedObject.kind=${kind.kind},involvedObject.name=${name}`
}

/** `--types Warning`, `--types=Normal,Warning`; in small letters. */
function typesOf(words: string[]): string[] {
  const types = words.flatMap(word => word.toLowerCase().split(','))
  const wrong = types.find(type => type !== 'normal' && type !== 'warning')
  if (wrong !== undefined) throw new UsageError(`--types must be Normal or Warning, not "${wrong}"`)
  return types
}

function isOfType(object: AnyObject, types: string[]): boolean {
  return types.length === 0 || types.includes(String(object['type']).toLowerCase())
}
