/** The one program: finds the island that a subcommand lives on, and loads only that one. */
import { type Command, runCommandLine } from './kit/command-line.ts'
import { CodedError, messageOf } from './kit/errors.ts'

async function main(argv: string[]): Promise<number> {
  try {
    return await runCommandLine(await loadRoot(argv), argv, process)
  } catch (error) {
    process.stderr.write(`flotilla: ${messageOf(error)}\n`)
    if (!(error instanceof CodedError) && process.env['FLOTILLA_DEBUG']) console.error(error)
    return 1
  }
}

/** Each word that is not one of the fleet's own commands, with the island that knows it. */
const islands: Record<string, () => Promise<Command>> = {
  master: async () => (await import('./master/command.ts')).masterCommand,
  agent: async () => (await import('./agent/command.ts')).agentCommand,
  join: async () => (await import('./agent/join-command.ts')).joinCommand,
  lab: async () => (await import('./cli/lab/lab.ts')).labCommand,
  'self-check': async () => (await import('./self-check.ts')).selfCheckCommand,
}

/** Named in the help of the whole; what they take is known on their islands. */
const islandSummaries: Command[] = [
  { name: 'master', summary: 'Run the master of a cluster on this board' },
  { name: 'agent', summary: 'Run what the cluster wants on this board, once it has joined' },
  { name: 'join', summary: 'Let this board join a cluster, by a line of "token create"' },
  { name: 'lab', summary: 'A master and boards on this one machine, to try things out' },
]

async function loadRoot(argv: string[]): Promise<Command> {
  const root: Command = { name: 'flotilla', summary: "Kubernetes' model for clusters of small boards" }
  const island = islands[argv[0] ?? '']
  if (island) return { ...root, commands: [await island()] }
  const { fleetCommands } = await import('./cli/cli.ts')
  return { ...root, commands: [...fleetCommands, ...islandSummaries] }
}

// Not awaited here: packed into one file, the program's modules are CommonJS, which cannot wait at their top.
void main(process.argv.slice(2)).then(status => {
  process.exitCode = status
})
