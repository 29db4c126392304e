/** `flotilla user`: lets people and tools in, and shuts them out. The commands are small; the making of a whole user is new-user.ts. */
import { confirm } from '../confirm.ts'
import { withSession } from '../connect.ts'
import { secondsOf } from '../durations.ts'
import type { RunCommand } from '../fleet.ts'
import { makeUser, planUser } from '../new-user.ts'
import { readOptions } from '../options.ts'
import { kindNamed, targetOf } from '../resource-args.ts'
import { UsageError } from '../usage-error.ts'
import { runGet } from './get.ts'

export const runUserCreate: RunCommand = (input, { terminal, openBus }) => {
  const plan = planUser(input)
  return withSession(input, { terminal, openBus }, async session => {
    for (const line of await makeUser(session, plan)) terminal.warn(`${line}\n`)
    terminal.print(`${plan.out}\n`)
    return 0
  })
}

export const runUserToken: RunCommand = (input, fleet) =>
  withSession(input, fleet, async ({ api }) => {
    const ttl = secondsOf(readOptions(input).duration('ttl'))
    const { token } = await api.token(targetOf(kindNamed('users'), undefined, input.arguments[0]), ttl)
    fleet.terminal.print(`${token}\n`)
    return 0
  })

export const runUserRevoke: RunCommand = (input, { terminal, openBus }) =>
  withSession(input, { terminal, openBus }, async ({ api, context }) => {
    const [name = ''] = input.arguments
    // Afterwards, nobody could take it back by this command; and who is the last who may let people in, is not known here.
    if (name === context.username) {
      const way = `let another administrator do it, such as: flotilla user create NAME --role cluster-admin -A`
      throw new UsageError(`cannot revoke ${name}: because that is you: ${way}`)
    }
    const target = targetOf(kindNamed('users'), undefined, name)
    await api.get(target)
    const question = `${name} will be shut out, with all its certificates and tokens.`
    if (!(await confirm(question, readOptions(input).flag('yes'), terminal))) return 1
    await api.patch(target, { spec: { revoked: true } })
    terminal.print(`user.flotilla.dev/${name} revoked\n`)
    terminal.warn(
      `What it may do is still written in its role bindings. To let it in again, with a new key: flotilla user create ${name}\n`,
    )
    return 0
  })

export const runUserList: RunCommand = (input, fleet) => runGet({ ...input, arguments: ['users'] }, fleet)
