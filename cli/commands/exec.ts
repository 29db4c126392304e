/** `flotilla exec`: a command in a container, with this terminal as its own; the exit status is the command's. */
import type { ExecOptions } from '../../contract/wire/api.ts'
import { attach } from '../attach.ts'
import { withSession } from '../connect.ts'
import type { RunCommand } from '../fleet.ts'
import { readOptions } from '../options.ts'
import { pickPod } from '../pick-pod.ts'
import { kindNamed, targetOf } from '../resource-args.ts'
import { UsageError } from '../usage-error.ts'

export const runExec: RunCommand = async (input, fleet) => {
  const { terminal } = fleet
  const options = readOptions(input)
  const [target, ...surplus] = input.arguments
  if (target === undefined) throw new UsageError('name a pod (or TYPE/NAME)')
  const command = input.rest ?? []
  const unknown = input.arguments.find(word => word.startsWith('-'))
  if (unknown !== undefined && (command.length > 0 || unknown === target))
    throw new UsageError(`unknown option '${unknown}'`)
  if (command.length === 0) {
    const example = surplus.length > 0 ? surplus.join(' ') : 'sh'
    throw new UsageError(`put the command after --, such as: flotilla exec ${target} -- ${example}`)
  }
  if (surplus.length > 0) throw new UsageError(`name one pod, not: ${input.arguments.join(' ')}`)
  const stdin = options.flag('stdin')
  const tty = options.flag('tty') && isInteractive(terminal.stdin.isTTY ?? false)
  if (options.flag('tty') && !tty) terminal.warn('Unable to use a TTY - input is not a terminal\n')
  return withSession(input, fleet, async session => {
    const pod = await pickPod(session, [target])
    const container = options.text('container')
    const size = terminal.size()
    const request: ExecOptions = {
      command,
      stdin,
      tty,
      ...(container !== undefined && { container }),
      ...(tty && size && { size }),
    }
    const { namespace, name } = pod.metadata
    const stream = await session.api.exec(targetOf(kindNamed('pods'), namespace, name), request)
    return attach(stream, { terminal, stdin, tty })
  })

  function isInteractive(isTty: boolean): boolean {
    return isTty || !stdin
  }
}
