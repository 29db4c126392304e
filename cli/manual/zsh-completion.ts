/** The completion script for zsh: a function a place, in the words of zsh's own `_arguments`, which does the walking. */
import type { ValueParts } from '../../kit/command-line.ts'
import type { Place, PlaceOption } from './places.ts'
import { flagsOf } from './shell-table.ts'
import { type Completes, completesArgument, completesOption } from './what-completes.ts'

export function renderZshCompletion(places: Place[], kindNames: string[]): string {
  return template
    .replace('@FUNCTIONS@', () => places.map(renderPlace).join('\n'))
    .replace('@KINDS@', () => kindNames.join(' '))
}

function renderPlace(place: Place): string {
  const options = [
    ...place.options.map(option => renderOption(place, option)),
    // Understood here as well, and not proposed: `!` says so.
    ...place.outerOptions.map(option => renderOption(place, option, '!')),
  ]
  const rest = place.children.length > 0 ? renderDispatch(place) : renderArguments(place)
  const call = ['_arguments -s -S -C : \\', ...[...options, ...rest.specs].map(spec => `    ${spec} \\`)]
  const lines = [...call, '    && return 0', ...rest.after]
  return `${functionOf(place.path)}() {\n  local curcontext=$curcontext state line\n  ${lines.join('\n')}\n}\n`
}

interface Rest {
  specs: string[]
  after: string[]
}

function renderArguments(place: Place): Rest {
  const specs = place.arguments.map(argument => {
    const action = actionOf(completesArgument(place, argument))
    const which = argument.variadic ? '*' : argument.required ? '' : ':'
    return quote(`${which}:${plain(argument.name)}:${action}`)
  })
  return { specs, after: ['  return 1'] }
}

/** `*::` hands what follows to the child, as if it were a command line of its own. */
function renderDispatch({ path, children }: Place): Rest {
  const told = children.map(({ name, summary }) => `    ${quote(`${name.replaceAll(':', '\\:')}:${summary}`)}`)
  const calls = children.map(({ name, aliases = [] }) => {
    return `        ${[name, ...aliases].join('|')}) ${functionOf([...path, name])} ;;`
  })
  const after = [
    '  case $state in',
    '    command)',
    '      local -a commands=(',
    ...told.map(line => `    ${line}`),
    '      )',
    '      _describe -t commands command commands',
    '      ;;',
    '    rest)',
    '      case $line[1] in',
    ...calls,
    '      esac',
    '      ;;',
    '  esac',
  ]
  return { specs: [quote('1:command:->command'), quote('*::argument:->rest')], after }
}

function renderOption(place: Place, option: PlaceOption, mark = ''): string {
  const { value } = option
  const flags = flagsOf(option)
  const many = option.option.repeats || value?.variadic
  // Given once, neither way of writing it is proposed again.
  const excluded = many ? '*' : flags.length > 1 ? `(${flags.join(' ')})` : ''
  const told = `[${plain(option.option.summary)}]`
  const taken = value ? renderValue(value, completesOption(place, option)) : ''
  const forms = flags.map(flag => quote(`${mark}${excluded}${flag}${suffixOf(flag, value)}${told}${taken}`))
  return forms.join(' ')
}

/** `+` and `=`: the value in the same word or the next; `=-`: in the same only. */
function suffixOf(flag: string, value: ValueParts | undefined): string {
  if (!value) return ''
  if (!flag.startsWith('--')) return value.required ? '+' : '-'
  return value.required ? '=' : '=-'
}

function renderValue({ name, required }: ValueParts, completes: Completes): string {
  return `${required ? ':' : '::'}${plain(name)}:${actionOf(completes)}`
}

function actionOf(completes: Completes): string {
  switch (completes.from) {
    case 'choices':
      return `(${completes.choices.join(' ')})`
    case 'files':
      return '_files'
    case 'folders':
      return '_files -/'
    case 'live':
      // The space: without it _arguments would put words of its own after the first.
      return completes.what === 'resources' ? ' _flotilla_resources' : ` _flotilla_ask ${completes.what}`
    case 'nothing':
      return ' '
  }
}

function functionOf(path: string[]): string {
  return ['_flotilla_at', ...path].join('__').replaceAll('-', '_')
}

/** zshcompsys(1): colons and brackets end a field of a spec. */
function plain(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, '\\$&')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** Asks the program only for what cannot be known here. */
const template = `#compdef flotilla
# zsh completion for flotilla. Made by: flotilla completion zsh

_flotilla_ask() {
  local -a answers
  answers=("\${(@f)$("$_flotilla_program" complete $1 -- "\${_flotilla_line[@]}" 2>/dev/null </dev/null)}")
  answers=("\${(@)answers%%$'\\t'*}")
  compadd -a answers
}

# The kinds are known; only names are asked for. $line: the arguments without options, the last one included.
_flotilla_resources() {
  if (( $#line <= 1 )) && [[ $PREFIX != */* ]]; then
    compadd -- @KINDS@
  else
    _flotilla_ask resources
  fi
}

@FUNCTIONS@
_flotilla() {
  local _flotilla_program=\${(Q)words[1]}
  local -a _flotilla_line=("\${(@Q)words[2,CURRENT]}")
  _flotilla_at "$@"
}

# Sourced: it registers itself. Found by its name in $fpath: it is called.
if [[ $funcstack[1] == _flotilla ]]; then
  _flotilla "$@"
else
  compdef _flotilla flotilla
fi
`
