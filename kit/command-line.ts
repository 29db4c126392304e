/** Commands as data: names, options, examples and what runs. The adapter of `commander`, which parses and prints help. */
import {
  Command as Commander,
  Argument as CommanderArgument,
  CommanderError,
  Option as CommanderOption,
} from 'commander'

export interface Command {
  name: string
  aliases?: string[]
  /** One line, as in the list of commands. */
  summary: string
  /** Positional arguments in commander's notation: `<board>`, `[name]`, `<files...>`. */
  arguments?: string
  options?: Option[]
  /** Options that it does not have are arguments: `run` says what is wrong with them better than "unknown option". */
  takesUnknownOptions?: boolean
  /** Lines of `$ …` with a word of why; shown by `--help`. */
  examples?: string[]
  commands?: Command[]
  /** Left out of the list of commands: for the program's own use. */
  hidden?: boolean
  /** Resolves to the exit status (nothing means 0). */
  run?: (input: Input) => Promise<number | undefined>
}

export interface Option {
  /** `-n, --namespace <name>`, `--all`, `-l, --selector <query>`, `--set <pair...>` for a list. */
  flags: string
  summary: string
  default?: string | boolean | string[]
  choices?: string[]
  /** May be given several times with one value each, and is read as a list: unlike `<x...>`, it takes no words that follow. */
  repeats?: true
}

export interface Input {
  /** Positional arguments, variadic ones spread. */
  arguments: string[]
  /** What came after `--`; undefined when there was none. */
  rest: string[] | undefined
  /** By long name in camelCase; options of outer commands included. */
  options: Record<string, string | boolean | string[] | undefined>
}

export interface Streams {
  stdout: { write(text: string): unknown }
  stderr: { write(text: string): unknown }
}

/** What an option's `flags` mean. */
export interface OptionParts {
  /** `-n` */
  short: string | undefined
  /** `--namespace` */
  long: string
  /** Absent: it takes none. */
  value?: ValueParts
}

export interface ValueParts {
  /** As in the notation: `name` of `<name>`. */
  name: string
  required: boolean
  /** All the words that follow. */
  variadic: boolean
}

/** A way of using the program that it does not have: exit status 2. */
export const usageExitStatus = 2

export function readFlags(flags: string): OptionParts {
  const { short, long, required, optional, variadic } = new CommanderOption(flags)
  const name = /[<[](.*?)(?:\.\.\.)?[>\]]$/.exec(flags)?.[1] ?? ''
  return { short, long: long ?? short ?? '', ...((required || optional) && { value: { name, required, variadic } }) }
}

export function readArguments(notation = ''): ValueParts[] {
  const words = notation.split(' ').filter(word => word !== '')
  return words.map(word => {
    const argument = new CommanderArgument(word)
    return { name: argument.name(), required: argument.required, variadic: argument.variadic }
  })
}

/** Parses `argv` (without node and script), runs the command meant, resolves to the exit status. Errors of `run` reject. */
export async function runCommandLine(root: Command, argv: string[], streams: Streams): Promise<number> {
  const dash = argv.indexOf('--')
  const rest = dash < 0 ? undefined : argv.slice(dash + 1)
  const result = { status: 0 }
  const program = build(root, rest, status => {
    result.status = status
  })
  configureAll(program, streams)
  try {
    await program.parseAsync(dash < 0 ? argv : argv.slice(0, dash), { from: 'user' })
    return result.status
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : usageExitStatus
  }
}

function build(command: Command, rest: string[] | undefined, finish: (status: number) => void): Commander {
  const built = new Commander(command.name).summary(command.summary).description(command.summary)
  built.aliases(command.aliases ?? [])
  if (command.arguments) built.arguments(command.arguments)
  for (const option of command.options ?? []) built.addOption(buildOption(option))
  built.allowUnknownOption(command.takesUnknownOptions ?? false)
  for (const child of command.commands ?? [])
    built.addCommand(build(child, rest, finish), { hidden: child.hidden ?? false })
  if (command.examples)
    built.addHelpText('after', `\nExamples:\n${command.examples.map(line => `  ${line}`).join('\n')}`)
  const { run } = command
  if (run) {
    built.action(async () => {
      const status = await run({ arguments: built.args, rest, options: optionsOf(built) })
      finish(status ?? 0)
    })
  }
  return built
}

/** With those of outer commands. What was said further in counts more; a default counts least. */
function optionsOf(command: Commander): Input['options'] {
  const path: Commander[] = []
  for (let at: Commander | null = command; at; at = at.parent) path.unshift(at)
  const options: Input['options'] = {}
  for (const at of path)
    for (const [name, value] of Object.entries(at.opts()))
      if (!(name in options) || at.getOptionValueSource(name) !== 'default') options[name] = value
  return options
}

function buildOption(option: Option): CommanderOption {
  const built = new CommanderOption(option.flags, option.summary)
  if (option.default !== undefined) built.default(option.default)
  if (option.choices) built.choices(option.choices)
  if (option.repeats) built.argParser((value, before: string[] | undefined) => [...(before ?? []), value])
  return built
}

/** `path` is what the user types to get here. */
function configureAll(program: Commander, streams: Streams, path = program.name()): void {
  program.exitOverride()
  program.configureOutput({
    writeOut: text => streams.stdout.write(text),
    writeErr: text => streams.stderr.write(text),
  })
  // Names alone: with what they take beside them, no room is left for what they do. Each one's own help says what it takes.
  program.configureHelp({
    sortSubcommands: false,
    subcommandTerm: command => command.name(),
  })
  program.showHelpAfterError(`(see '${path} --help')`)
  for (const child of program.commands) configureAll(child, streams, `${path} ${child.name()}`)
}
