/** Man pages of the commands: one for the program, one for each of its commands with all below it. */
import { onBoard } from '../../contract/card/card-places.ts'
import type { Place, PlaceOption } from './places.ts'

export interface ManFacts {
  version: string
  /** `2026-11-21`: of the sources, not of the build. */
  date: string
}

export interface ManPage {
  /** `flotilla-apply.1` */
  name: string
  text: string
}

/** `places` as `listPlaces` gives them. */
export function renderManPages(places: Place[], facts: ManFacts): ManPage[] {
  const [root, ...rest] = places
  if (!root) return []
  const tops = rest.filter(({ path }) => path.length === 1)
  const pages = tops.map(top => {
    const below = rest.filter(({ path }) => path.length > 1 && path[0] === top.path[0])
    return { name: `${nameOf(top)}.1`, text: renderCommand(top, below, facts) }
  })
  return [{ name: 'flotilla.1', text: renderProgram(root, tops, facts) }, ...pages]
}

function renderProgram(root: Place, tops: Place[], facts: ManFacts): string {
  return page([
    title('flotilla', facts),
    section('NAME', `flotilla \\- ${roff(root.command.summary)}`),
    section('SYNOPSIS', '.B flotilla\n.I command\n.RI [ options ]\n.RI [ arguments ]'),
    section('DESCRIPTION', paragraphs(about)),
    section('COMMANDS', tops.map(top => tagged(`.B ${nameOf(top)}(1)`, roff(top.command.summary))).join('\n')),
    section('OPTIONS', tagged('.BR \\-h ", " \\-\\-help', 'Show what a command takes; every command has it.')),
    section('EXIT STATUS', exitStatus),
    section('ENVIRONMENT', environment.map(([name, what]) => tagged(`.B ${name}`, roff(what))).join('\n')),
    section('FILES', files.map(([path, what]) => tagged(`.I ${roff(path)}`, roff(what))).join('\n')),
    section('EXAMPLES', examples(firstSteps)),
    section('SEE ALSO', tops.map(top => `.BR ${nameOf(top)} (1)`).join(',\n')),
  ])
}

function renderCommand(top: Place, below: Place[], facts: ManFacts): string {
  const all = [top, ...below].filter(({ command }) => command.run)
  const list = [top, ...below].flatMap(({ command }) => command.examples ?? [])
  return page([
    title(nameOf(top), facts),
    section('NAME', `${nameOf(top)} \\- ${roff(lower(top.command.summary))}`),
    section('SYNOPSIS', all.map(synopsis).join('\n.br\n')),
    section('DESCRIPTION', `${roff(top.command.summary)}.`),
    below.length > 0 &&
      section(
        'COMMANDS',
        below
          .filter(({ command }) => command.run)
          .map(subcommand)
          .join('\n'),
      ),
    top.command.run && section('OPTIONS', top.options.map(option).join('\n')),
    section('EXIT STATUS', exitStatus),
    list.length > 0 && section('EXAMPLES', examples(list)),
    section('SEE ALSO', '.BR flotilla (1)'),
  ])
}

/** A subcommand with its own options, as a section in the list of them. */
function subcommand(place: Place): string {
  const { path, command, options } = place
  const heading = `.SS ${quote(['flotilla', ...path].join(' '))}`
  return [heading, `${roff(command.summary)}.`, ...options.map(option)].join('\n')
}

function synopsis({ path, arguments: args, options }: Place): string {
  const words = args.map(({ name, required, variadic }) => {
    const dots = variadic ? ' ...' : ''
    return required ? `.I ${quote(`${name}${dots}`)}` : `.RI [ ${quote(`${name}${dots}`)} ]`
  })
  const given = options.length > 1 ? ['.RI [ options ]'] : []
  return [`.B ${['flotilla', ...path].map(roff).join(' ')}`, ...given, ...words].join('\n')
}

function option({ short, long, value, option: { summary, default: usual, choices, repeats } }: PlaceOption): string {
  const flags = short === undefined || short === long ? [long] : [short, long]
  const form = flags.map(flag => `\\fB${roff(flag)}\\fR`).join(', ')
  const taken = value ? ` ${value.required ? '' : '['}\\fI${roff(value.name)}\\fR${value.required ? '' : ']'}` : ''
  const more = [
    choices && `One of: ${choices.join(', ')}.`,
    usual !== undefined && usual !== '' && `Default: ${[usual].flat().join(', ')}.`,
    repeats && !/repeated/.test(summary) && 'May be repeated.',
  ].filter(Boolean)
  return tagged(`${form}${taken}`, roff([`${upper(summary)}.`, ...more].join(' ')))
}

function title(name: string, { version, date }: ManFacts): string {
  return `.\\" Made of the commands themselves by "flotilla manual".\n.TH ${quote(name.toUpperCase())} 1 ${quote(date)} ${quote(`flotilla ${version}`)} "Flotilla"`
}

function page(parts: Array<string | false | undefined>): string {
  return `${parts.filter(Boolean).join('\n')}\n`
}

function section(name: string, body: string): string {
  return `.SH ${quote(name)}\n${body}`
}

function tagged(tag: string, text: string): string {
  return `.TP\n${tag}\n${text}`
}

function paragraphs(texts: string[]): string {
  return texts.map(roff).join('\n.PP\n')
}

/** As they stand: a line of a terminal must not be filled. */
function examples(lines: string[]): string {
  return `.nf\n${lines.map(roff).join('\n')}\n.fi`
}

function nameOf({ path }: Place): string {
  return ['flotilla', path[0]].join('-')
}

function upper(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

/** NAME lines begin in lower case, but for names. */
function lower(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text
}

function quote(text: string): string {
  return `"${roff(text).replaceAll('"', '\\(dq')}"`
}

/** groff_char(7): a bare hyphen becomes a typographic one, which nobody can paste; a line must not begin with a control character. */
function roff(text: string): string {
  const plain = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
  const signs = plain.replaceAll('`', '\\(ga').replaceAll('—', '\\(em').replaceAll('°', '\\(de')
  return signs.replaceAll(/^(?=[.'])/gm, '\\&')
}

const about = [
  'Flotilla runs containers on a handful of small computers by the manifests of Kubernetes. One program is all of it: the agent on every board, the master on one of them, and the commands of the fleet.',
  'The commands that talk to a cluster find it by the configuration of whoever runs them, or, as root on the machine of the master, without one.',
]
const exitStatus = ['0\tDone.', '1\tIt went wrong: the reason is on standard error.', '2\tWrong use of the command.']
  .map(line => line.split('\t') as [string, string])
  .map(([status, meaning]) => tagged(`.B ${status}`, roff(meaning)))
  .join('\n')
const environment: Array<[string, string]> = [
  ['FLOTILLA_CONFIG', 'The configuration to use instead of ~/.config/flotilla/config.yaml.'],
  ['FLOTILLA_TOKEN', "A bearer token that takes the place of the configuration's own credentials."],
  ['FLOTILLA_DEBUG', 'When set, an unexpected error is shown with its stack.'],
]
const files: Array<[string, string]> = [
  ['~/.config/flotilla/config.yaml', 'The clusters that one may command, and the keys for them.'],
  [onBoard.data, "The agent's identity and what it last was told to run."],
  [onBoard.join, 'A join line that is put here makes the machine join: the agent uses it and deletes it.'],
  ['/var/lib/flotilla/master', "The cluster's state and keys, on the machine of its master."],
]
const firstSteps = [
  '$ sudo systemctl enable --now flotilla-master   the master, on one machine',
  '$ sudo flotilla token create                    a line by which a board joins',
  '$ sudo flotilla join                            on the board: asks for that line',
  '$ sudo flotilla get nodes',
]
