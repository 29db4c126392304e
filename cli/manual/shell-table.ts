/** What bash and fish must know of each place of the command line, one `case` a place: the same table in the words of either shell. */
import type { Place, PlaceOption } from './places.ts'
import { type Completes, completesArgument, completesOption } from './what-completes.ts'

export interface TableRow {
  /** Each way of typing the place, aliases included: `create configmap`, `create cm`. */
  names: string[]
  /** Subcommands with what they do; aliases are understood, not proposed. */
  children: Array<{ name: string; summary: string }>
  /** What leads from here to a place below. */
  words: string[]
  options: Array<{ flag: string; summary: string }>
  /** `--output=choices:json,yaml`: options that take the next word, with what it may be. */
  values: string[]
  /** What the arguments may be, in order; one that begins with `*` holds for all that follow. */
  arguments: string[]
}

export function renderRows(places: Place[]): TableRow[] {
  return places.map(place => ({
    names: waysOf(place.path, places),
    children: place.children.map(({ name, summary }) => ({ name, summary })),
    words: place.children.flatMap(({ name, aliases = [] }) => [name, ...aliases]),
    options: place.options.flatMap(option => flagsOf(option).map(flag => ({ flag, summary: option.option.summary }))),
    values: [...place.options, ...place.outerOptions].flatMap(option => valuesOf(place, option)),
    arguments: place.arguments.map(argument => {
      return `${argument.variadic ? '*' : ''}${encode(completesArgument(place, argument))}`
    }),
  }))
}

export function flagsOf({ long, short }: PlaceOption): string[] {
  return short === undefined || short === long ? [long] : [long, short]
}

/** Words without spaces, so that a shell's list holds them. */
function encode(completes: Completes): string {
  if (completes.from === 'choices') return `choices:${completes.choices.join(',')}`
  return completes.from === 'live' ? `live:${completes.what}` : completes.from
}

/** An option whose value may be missing takes it by `=` only, as a person who reads the help would write it. */
function valuesOf(place: Place, option: PlaceOption): string[] {
  const { value, long } = option
  if (!value) return []
  const how = `${value.variadic ? '*' : ''}${encode(completesOption(place, option))}`
  return value.required ? flagsOf(option).map(flag => `${flag}=${how}`) : [`${long}==${how}`]
}

/** A place below a command with aliases has as many names as they make together. */
function waysOf(path: string[], places: Place[]): string[] {
  const [last, ...outer] = [...path].reverse()
  if (last === undefined) return ['']
  const parent = outer.reverse()
  const child = places.find(({ path: at }) => at.join(' ') === path.join(' '))?.command
  const before = waysOf(parent, places)
  return before.flatMap(way => [last, ...(child?.aliases ?? [])].map(name => `${way} ${name}`.trim()))
}
