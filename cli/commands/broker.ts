/** `flotilla broker render`. */

import type { RunCommand } from '../fleet.ts'
import { UsageError } from '../usage-error.ts'

export const runBrokerRender: RunCommand = async input => {
  throw new UsageError(`there are no rules for "${input.arguments[0]}" yet`)
}
