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
  doctor: async () => (await import('./agent/doctor-command.ts')).doctorCommand,
  'first-boot': async () => (await import('./agent/first-boot-command.ts')).firstBootCommand,
  lab: async () => (await import('./cli/lab/lab.ts')).labCommand,
  'self-check': async () => (await import('./self-check.ts')).selfCheckCommand,
}

/** About the commands themselves: they look at all islands. */
const mirrors: Record<string, () => Promise<Command>> = {
  completion: async () => (await import('./cli/manual/completion-command.ts')).createCompletionCommand(loadWhole),
  complete: async () => (await import('./cli/manual/complete-command.ts')).createCompleteCommand(loadWhole),
  manual: async () => (await import('./cli/manual/manual-command.ts')).createManualCommand(loadWhole),
}

/** Named in the help of the whole; what they take is known on their islands. */
const islandSummaries: Command[] = [
  { name: 'master', summary: 'Run the master of a cluster on this board' },
  { name: 'agent', summary: 'Run what the cluster wants on this board, once it has joined' },
  { name: 'join', summary: 'Let this board join a cluster, by a line of "token create"' },
  { name: 'doctor', summary: 'Check whether a node can live on this board, and what to do about it' },
  { name: 'lab', summary: 'A master and boards on this one machine, to try things out' },
  { name: 'completion', summary: 'Print what makes a shell complete commands, options and the names in the cluster' },
]

const root: Command = { name: 'flotilla', summary: "Kubernetes' model for clusters of small boards" }

/** Every command with all that it takes, in the order of the help. */
async function loadWhole(): Promise<Command> {
  const { fleetCommands } = await import('./cli/cli.ts')
  const known = await Promise.all([...Object.values(islands), mirrors['completion']!].map(load => load()))
  return { ...root, commands: [...fleetCommands, ...known] }
}

async function loadRoot(argv: string[]): Promise<Command> {
  const island = { ...islands, ...mirrors }[argv[0] ?? '']
  if (island) return { ...root, commands: [await island()] }
  const { fleetCommands } = await import('./cli/cli.ts')
  return { ...root, commands: [...fleetCommands, ...islandSummaries] }
}

// As in `flotilla --help | head`: the reader has what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
// Not awaited here: packed into one file, the program's modules are CommonJS, which cannot wait at their top.
void main(process.argv.slice(2)).then(status => {
  process.exitCode = status
})
