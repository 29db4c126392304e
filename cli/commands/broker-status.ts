/** `flotilla broker status`: the counters of the master's broker. */
import { withSession } from '../connect.ts'
import type { RunCommand } from '../fleet.ts'
import { renderTable } from '../table.ts'

export const runBrokerStatus: RunCommand = (input, fleet) =>
  withSession(input, fleet, async ({ api }) => {
    const counters = await api.counters()
    const format = input.options['output']
    if (format === 'json') fleet.terminal.print(`${JSON.stringify(counters, undefined, 4)}\n`)
    else if (format === 'yaml') {
      const { renderYaml } = await import('../../contract/manifest/yaml.ts')
      fleet.terminal.print(renderYaml(counters))
    } else {
      const rows = Object.entries(counters).map(([name, count]) => [name, String(count)])
      fleet.terminal.print(`${renderTable([['COUNTER', 'VALUE'], ...rows]).lines.join('\n')}\n`)
    }
    return 0
  })
