/** Reads a command line that is not finished yet: which options were given, and which arguments; forgiving, unlike the real parser. */
import type { Command, Input } from '../../kit/command-line.ts'
import { listPlaces, type Place, type PlaceOption } from './places.ts'
import { flagsOf } from './shell-table.ts'

export interface Line {
  /** By long name in camelCase, as a command gets them; of an unknown one nothing is said. */
  options: Input['options']
  /** Those before the last word. */
  arguments: string[]
  /** The word to complete, which may be empty. */
  current: string
}

/** `words` without the program's name. */
export function readLine(root: Command, words: string[]): Line {
  const places = listPlaces(root)
  const line: Line = { options: {}, arguments: [], current: words.at(-1) ?? '' }
  const queue = words.slice(0, -1)
  let place = places[0]!
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const [flag = '', ...value] = word.split('=')
    const option = findOption(place, flag)
    if (option) setOption(line, option, value.length > 0 ? value.join('=') : takesNext(option, queue))
    else if (!word.startsWith('-')) {
      const child = line.arguments.length === 0 ? findChild(places, place, word) : undefined
      if (child) place = child
      else line.arguments.push(word)
    }
  }
  return line
}

function takesNext({ value }: PlaceOption, queue: string[]): string | undefined {
  return value?.required ? queue.shift() : undefined
}

function setOption({ options }: Line, { long }: PlaceOption, value: string | undefined): void {
  options[long.replace(/^--/, '').replaceAll(/-(\w)/g, (_match, letter: string) => letter.toUpperCase())] =
    value ?? true
}

function findOption(place: Place, flag: string): PlaceOption | undefined {
  // The last of several letters may take a value.
  const letter = /^-\w{2,}$/.test(flag) ? `-${flag.at(-1)}` : flag
  return [...place.options, ...place.outerOptions].find(option => flagsOf(option).includes(letter))
}

function findChild(places: Place[], place: Place, word: string): Place | undefined {
  const child = place.children.find(({ name, aliases = [] }) => name === word || aliases.includes(word))
  const path = child && [...place.path, child.name].join(' ')
  return path === undefined ? undefined : places.find(candidate => candidate.path.join(' ') === path)
}
