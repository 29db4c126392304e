/** What all of `flotilla create` share: an object made from words, checked or created, and told as kubectl tells it. */
import { apiVersionOf } from '../../contract/resources/kinds.ts'
import type { AnyObject } from '../../contract/resources/meta.ts'
import type { Input } from '../../kit/command-line.ts'
import { withSession } from '../connect.ts'
import type { Fleet } from '../fleet.ts'
import { readOptions } from '../options.ts'
import { isMachineFormat, type MachineFormat, renderObjects } from '../output.ts'
import { kindNamed, targetOf } from '../resource-args.ts'
import { kindSlashName } from '../tables/tables.ts'
import type { Terminal } from '../terminal.ts'

/** All that makes the object but for its name and place. */
export type Body = Record<string, unknown>

/** `word` names the kind; the name is the first argument. */
export async function createObject(
  input: Input,
  fleet: Fleet,
  { word, body }: { word: string; body: Body },
): Promise<number> {
  const { terminal } = fleet
  const options = readOptions(input)
  const kind = kindNamed(word)
  const [name = ''] = input.arguments
  const object = (namespace: string | undefined): AnyObject => ({
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name, ...(kind.namespaced && namespace !== undefined && { namespace }) },
    ...body,
  })
  const format = options.text('output')
  const told = { terminal, format: isMachineFormat(format) ? format : undefined, called: kindSlashName(kind, name) }
  // Without a master: `--dry-run=client -o yaml` is how a manifest is begun.
  if (options.text('dryRun') === 'client')
    return tell(object(options.text('namespace')), { ...told, how: ' (dry run)' })
  return withSession(input, fleet, async ({ api, namespace }) => {
    const dryRun = options.text('dryRun') === 'server'
    const created = await api.create(targetOf(kind, namespace), object(namespace), { dryRun })
    for (const warning of created.warnings) terminal.warn(`Warning: ${warning}\n`)
    return tell(created.object, { ...told, how: dryRun ? ' (server dry run)' : '' })
  })
}

interface Telling {
  terminal: Terminal
  format: MachineFormat | undefined
  called: string
  how: string
}

async function tell(object: AnyObject, { terminal, format, called, how }: Telling): Promise<number> {
  terminal.print(format === undefined ? `${called} created${how}\n` : await renderObjects([object], format, true))
  return 0
}
