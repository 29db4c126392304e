/** The tree of commands as a list of places, each with all that may be typed there: what manuals and completions are made of. */
import {
  type Command,
  type Option,
  type OptionParts,
  readArguments,
  readFlags,
  type ValueParts,
} from '../../kit/command-line.ts'

export interface Place {
  /** Without the program's own name: `['config', 'view']`; the root has none. */
  path: string[]
  command: Command
  /** Its own, as its help shows them. */
  options: PlaceOption[]
  /** Those of outer commands, which are understood here as well. */
  outerOptions: PlaceOption[]
  arguments: ValueParts[]
  /** Without those that are for the program's own use. */
  children: Command[]
}

export interface PlaceOption extends OptionParts {
  option: Option
}

const help: Option = { flags: '-h, --help', summary: 'display help for command' }

/** In the order of the help, outer before inner. */
export function listPlaces(root: Command): Place[] {
  return walk(root, [], [])
}

function walk(command: Command, path: string[], outer: PlaceOption[]): Place[] {
  const own = (command.options ?? []).map(option => ({ ...readFlags(option.flags), option }))
  const names = new Set(own.map(({ long }) => long))
  const outerOptions = outer.filter(({ long }) => !names.has(long))
  const children = (command.commands ?? []).filter(child => !child.hidden)
  const here: Place = {
    ...{ path, command, children, outerOptions },
    options: [...own, { ...readFlags(help.flags), option: help }],
    arguments: readArguments(command.arguments),
  }
  return [here, ...children.flatMap(child => walk(child, [...path, child.name], [...own, ...outerOptions]))]
}
