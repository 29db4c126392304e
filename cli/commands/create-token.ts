/** `flotilla create token`: a bearer token of a service account, on stdout and nowhere else. */
import { withSession } from '../connect.ts'
import { secondsOf } from '../durations.ts'
import type { RunCommand } from '../fleet.ts'
import { readOptions } from '../options.ts'
import { kindNamed, targetOf } from '../resource-args.ts'

export const runCreateToken: RunCommand = (input, fleet) =>
  withSession(input, fleet, async ({ api, namespace }) => {
    const duration = secondsOf(readOptions(input).duration('duration'))
    const { token } = await api.token(targetOf(kindNamed('serviceaccounts'), namespace, input.arguments[0]), duration)
    fleet.terminal.print(`${token}\n`)
    return 0
  })
