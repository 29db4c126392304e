/** The completion script for bash: the table of places, and a walk along what was typed. */
import type { Place } from './places.ts'
import { renderRows, type TableRow } from './shell-table.ts'

export function renderBashCompletion(places: Place[], kindNames: string[]): string {
  return template
    .replace('@ROWS@', () => renderRows(places).map(renderRow).join('\n'))
    .replace('@KINDS@', () => kindNames.join(' '))
}

function renderRow({ names, words, children, options, values, arguments: args }: TableRow): string {
  const list = (entries: string[]): string => entries.map(quote).join(' ')
  return [
    `    ${names.map(quote).join(' | ')})`,
    `      words=(${list(words)})`,
    `      shown=(${list(children.map(({ name }) => name))})`,
    `      options=(${list(options.map(({ flag }) => flag))})`,
    `      values=(${list(values)})`,
    `      arguments=(${list(args)})`,
    '      ;;',
  ].join('\n')
}

function quote(text: string): string {
  return /^[\w.:=/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** Asks the program only for what the table cannot know. */
const template = `# bash completion for flotilla. Made by: flotilla completion bash
# shellcheck shell=bash

# What may be typed at a place, such as "config view".
_flotilla_place() {
  case $1 in
@ROWS@
  esac
}

# What the option $1 takes, into "how"; fails when it takes no word.
_flotilla_value() {
  local entry
  for entry in "\${values[@]}"; do
    if [[ $entry == "$1="* ]]; then
      how=\${entry#"$1="}
      return 0
    fi
  done
  return 1
}

# Those of the lines of $1 that begin as the word does. Not by compgen -W, which would run what stands in $(…).
_flotilla_propose() {
  local answer
  while read -r answer; do
    answer=\${answer%%$'\\t'*}
    [[ $answer && $answer == "$current"* ]] && COMPREPLY+=("$answer")
  done <<<"$1"
}

_flotilla_complete_value() {
  local how=\${1#\\*}
  case $how in
    choices:*)
      how=\${how#choices:}
      _flotilla_propose "\${how//,/$'\\n'}"
      ;;
    files) compopt -o default 2>/dev/null ;;
    folders) compopt -o dirnames 2>/dev/null ;;
    live:resources)
      # The kinds are known; only names are asked for.
      if ((\${#typed[@]} == 0)) && [[ $current != */* ]]; then
        how='@KINDS@'
        _flotilla_propose "\${how// /$'\\n'}"
      else
        _flotilla_ask resources
      fi
      ;;
    live:*) _flotilla_ask "\${how#live:}" ;;
  esac
}

_flotilla_ask() {
  _flotilla_propose "$("$program" complete "$1" -- "\${line[@]}" 2>/dev/null </dev/null)"
}

# bash has cut words at = and :, which stand inside of ours: into "line".
_flotilla_read_line() {
  local i word last=-1
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((last >= 0)) && [[ $word == [=:]* || \${line[last]} == *[=:] ]]; then
      line[last]+=$word
    else
      line[++last]=$word
    fi
  done
}

# Along the words before the last one: into "place", "typed" and, when the last word is an option's value, "pending".
_flotilla_walk() {
  local i word how
  _flotilla_place ''
  for ((i = 0; i < \${#line[@]} - 1; i++)); do
    word=\${line[i]}
    if [[ $pending && ($pending != '*'* || $word != -*) ]]; then
      [[ $pending == '*'* ]] || pending=
      continue
    fi
    pending=
    case $word in
      --) return 1 ;;
      --*=*) ;;
      --*) _flotilla_value "$word" && pending=$how ;;
      # The last of several letters may take the next word.
      -*) _flotilla_value "-\${word: -1}" && pending=$how ;;
      *)
        if ((\${#typed[@]} == 0)) && [[ " \${words[*]} " == *" $word "* ]]; then
          place="\${place:+$place }$word"
          _flotilla_place "$place"
        else
          typed+=("$word")
        fi
        ;;
    esac
    # Such a one takes its value by = alone.
    [[ $pending == =* ]] && pending=
  done
  return 0
}

_flotilla() {
  local IFS=$' \\t\\n' program=\${COMP_WORDS[0]} place='' how='' pending='' current='' i
  local -a line=() words=() shown=() options=() values=() arguments=() typed=()
  COMPREPLY=()
  _flotilla_read_line
  _flotilla_walk || return 0
  current=\${line[\${#line[@]} - 1]}
  if [[ $pending && ($pending != '*'* || $current != -*) ]]; then
    _flotilla_complete_value "$pending"
  elif [[ $current == --*=* ]]; then
    _flotilla_value "\${current%%=*}" || return 0
    current=\${current#*=}
    _flotilla_complete_value "\${how#=}"
  elif [[ $current == -* ]]; then
    _flotilla_propose "$(printf '%s\\n' "\${options[@]}")"
  elif ((\${#typed[@]} == 0 && \${#shown[@]} > 0)); then
    _flotilla_propose "$(printf '%s\\n' "\${shown[@]}")"
  else
    i=\${#typed[@]}
    ((i >= \${#arguments[@]})) && i=$((\${#arguments[@]} - 1))
    if ((i >= 0)) && [[ $i == "\${#typed[@]}" || \${arguments[i]} == '*'* ]]; then
      _flotilla_complete_value "\${arguments[i]}"
    fi
  fi
  # What bash takes for the word begins after the last of these.
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${current%:*}:"}")
  fi
  return 0
}

complete -F _flotilla flotilla
`
