/** `flotilla node revoke`: a board that is lost or stolen is cut off. */
import { confirm } from '../confirm.ts'
import { withSession } from '../connect.ts'
import type { RunCommand } from '../fleet.ts'
import { readOptions } from '../options.ts'
import { kindNamed, targetOf } from '../resource-args.ts'

export const runNodeRevoke: RunCommand = (input, { terminal, openBus }) =>
  withSession(input, { terminal, openBus }, async ({ api }) => {
    const [name = ''] = input.arguments
    const target = targetOf(kindNamed('nodeidentities'), undefined, name)
    // Named before it is asked about: a slip in the name must not be confirmed.
    await api.get(target)
    const question = `${name} will be disconnected, and its key is never accepted again.`
    if (!(await confirm(question, readOptions(input).flag('yes'), terminal))) return 1
    await api.patch(target, { spec: { revoked: true } })
    terminal.print(`nodeidentity.flotilla.dev/${name} revoked\n`)
    terminal.warn(
      `Its pods run on other boards as soon as it counts as lost. Secrets that it had are known to whoever has it: change them.\n` +
        `To take it off the list: flotilla delete node ${name}. To let a board of this name in again, with a new key: ` +
        `flotilla token create --node ${name}, and there flotilla join --force\n`,
    )
    return 0
  })
