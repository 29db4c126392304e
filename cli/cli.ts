/** The commands of the fleet: their words, options and examples. What each does is loaded when it is called. */
import { type Command, usageExitStatus } from '../kit/command-line.ts'
import { CodedError } from '../kit/errors.ts'
import { createCreateCommand } from './cli-create.ts'
import { createConfigCommand, createTrustCommands } from './cli-trust.ts'
import { flashWords } from './flash-words.ts'
import type { Fleet, Load } from './fleet.ts'
import { createMissingCommands, createMissingRollouts } from './kubectl-words.ts'
import { createProcessTerminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import {
  apiResourcesWords,
  applyWords,
  deleteWords,
  describeWords,
  eventsWords,
  execWords,
  getWords,
  logsWords,
  rolloutStatusWords,
  versionWords,
} from './words.ts'

export const fleetCommands: Command[] = createFleetCommands()

/** `fleet`: the terminal and the bus; by default this process's own and MQTT. */
export function createFleetCommands(fleet?: Fleet): Command[] {
  const run = (load: Load): Pick<Command, 'run'> => ({ run: runLoaded(load, fleet) })
  return [
    { ...applyWords, ...run(async () => (await import('./commands/apply.ts')).runApply) },
    { ...getWords, ...run(async () => (await import('./commands/get.ts')).runGet) },
    { ...describeWords, ...run(async () => (await import('./commands/describe.ts')).runDescribe) },
    { ...deleteWords, ...run(async () => (await import('./commands/delete.ts')).runDelete) },
    { ...logsWords, ...run(async () => (await import('./commands/logs.ts')).runLogs) },
    { ...execWords, ...run(async () => (await import('./commands/exec.ts')).runExec) },
    { ...eventsWords, ...run(async () => (await import('./commands/events.ts')).runEvents) },
    {
      name: 'rollout',
      summary: 'Follow the rollout of a deployment',
      commands: [
        { ...rolloutStatusWords, ...run(async () => (await import('./commands/rollout-status.ts')).runRolloutStatus) },
        ...createMissingRollouts(fleet),
      ],
    },
    { ...apiResourcesWords, ...run(async () => (await import('./commands/api-resources.ts')).runApiResources) },
    { ...versionWords, ...run(async () => (await import('./commands/version.ts')).runVersion) },
    { ...flashWords, ...run(async () => (await import('./flash/flash.ts')).runFlash) },
    ...createTrustCommands(run),
    createCreateCommand(run, fleet),
    createConfigCommand(run),
    ...createMissingCommands(fleet),
  ]
}

/** A wrong use is told on stderr, and ends in its own status; anything else that goes wrong is the entry's to tell. */
function runLoaded(load: Load, fleet: Fleet | undefined): NonNullable<Command['run']> {
  return async input => {
    const given = fleet ?? { terminal: createProcessTerminal() }
    try {
      const runCommand = await load()
      return await runCommand(input, given)
    } catch (error) {
      // Nobody is there to read what went wrong, and nothing did.
      if (given.terminal.hungUp.aborted) return 0
      if (!(error instanceof CodedError)) throw error
      const told = error instanceof UsageError ? `error: ${error.message}` : await describe(error)
      given.terminal.warn(`${told}\n`)
      return error instanceof UsageError ? usageExitStatus : 1
    }
  }
}

async function describe(error: CodedError): Promise<string> {
  const { describeFailure } = await import('./failure.ts')
  return describeFailure(error)
}
