/** The one program: finds the island that a subcommand lives on, and loads only that one. */
import { type Command, runCommandLine } from './kit/command-line.ts'
import { CodedError, messageOf } from './kit/errors.ts'

const masterWords = new Set(['master'])
const agentWords = new Set(['agent'])

process.exitCode = await main(process.argv.slice(2))

async function main(argv: string[]): Promise<number> {
  try {
    return await runCommandLine(await loadRoot(argv), argv, process)
  } catch (error) {
    process.stderr.write(`flotilla: ${messageOf(error)}\n`)
    if (!(error instanceof CodedError) && process.env['FLOTILLA_DEBUG']) console.error(error)
    return 1
  }
}

async function loadRoot(argv: string[]): Promise<Command> {
  const word = argv.find(argument => !argument.startsWith('-')) ?? ''
  const root: Command = { name: 'flotilla', summary: "Kubernetes' model for clusters of small boards" }
  if (masterWords.has(word)) return { ...root, commands: [(await import('./master/command.ts')).masterCommand] }
  if (agentWords.has(word)) return { ...root, commands: [(await import('./agent/command.ts')).agentCommand] }
  const { fleetCommands } = await import('./cli/cli.ts')
  return { ...root, commands: [...fleetCommands, ...daemons] }
}

/** Named in the help of the whole; their own help comes from their islands. */
const daemons: Command[] = [
  { name: 'master', summary: 'Run the master of a cluster on this board' },
  { name: 'agent', summary: 'Make this board a node of a cluster' },
]
