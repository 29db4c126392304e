/** `flotilla version`: which programs talk to each other. */

import { version } from '../../contract/version.ts'
import { withSession } from '../connect.ts'
import { describeFailure } from '../failure.ts'
import type { RunCommand } from '../fleet.ts'
import { readOptions } from '../options.ts'

export const runVersion: RunCommand = async (input, fleet) => {
  const { terminal } = fleet
  terminal.print(`Client: ${version}\n`)
  if (readOptions(input).flag('client')) return 0
  try {
    return await withSession(input, fleet, async ({ api }) => {
      const { flotilla, cluster, epoch } = await api.version()
      terminal.print(`Master: ${flotilla}, cluster ${cluster}, epoch ${epoch}\n`)
      return 0
    })
  } catch (error) {
    // Half an answer is one: the client's version was asked for, too.
    terminal.warn(`${describeFailure(error)}\n`)
    return 1
  }
}
