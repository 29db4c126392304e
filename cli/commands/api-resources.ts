/** `flotilla api-resources`: the kinds that there are, with the names that commands take. */
import { apiVersionOf, kinds } from '../../contract/resources/kinds.ts'
import type { RunCommand } from '../fleet.ts'
import { readOptions } from '../options.ts'
import { renderTable } from '../table.ts'

const titles = ['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND']

export const runApiResources: RunCommand = async (input, { terminal }) => {
  const rows = kinds.map(kind => [
    kind.plural,
    kind.shortNames.join(','),
    apiVersionOf(kind),
    String(kind.namespaced),
    kind.kind,
  ])
  if (!readOptions(input).isOff('headers')) rows.unshift(titles)
  const { lines } = renderTable(rows)
  terminal.print(lines.map(line => `${line}\n`).join(''))
  return 0
}
