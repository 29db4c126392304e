/** `flotilla secrets rotate`. */
import { withSession } from '../connect.ts'
import type { RunCommand } from '../fleet.ts'

export const runSecretsRotate: RunCommand = (input, fleet) =>
  withSession(input, fleet, async ({ api }) => {
    const count = await api.rotate()
    fleet.terminal.print(`${count} ${count === 1 ? 'secret' : 'secrets'} encrypted with a new key\n`)
    return 0
  })
