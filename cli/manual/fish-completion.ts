/** The completion script for fish: the same table as bash's, with what each thing does beside it. */
import type { Place } from './places.ts'
import { renderRows, type TableRow } from './shell-table.ts'

export function renderFishCompletion(places: Place[], kindNames: string[]): string {
  return template
    .replace('@ROWS@', () => renderRows(places).map(renderRow).join('\n'))
    .replace('@KINDS@', () => kindNames.join(' '))
}

function renderRow({ names, words, children, options, values, arguments: args }: TableRow): string {
  const list = (entries: string[]): string => entries.map(entry => ` ${quote(entry)}`).join('')
  const told = (name: string, summary: string): string => `${name}\t${summary}`
  return [
    `        case ${names.map(quote).join(' ')}`,
    `            set -g __flotilla_words${list(words)}`,
    `            set -g __flotilla_shown${list(children.map(({ name, summary }) => told(name, summary)))}`,
    `            set -g __flotilla_options${list(options.map(({ flag, summary }) => told(flag, summary)))}`,
    `            set -g __flotilla_values${list(values)}`,
    `            set -g __flotilla_arguments${list(args)}`,
  ].join('\n')
}

/** fish(1): inside of single quotes only \\ and \' are special. */
function quote(text: string): string {
  return /^[\w,.:=/-]+$/.test(text) ? text : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** For fish 3.0 and later. Asks the program only for what the table cannot know. */
const template = `# fish completion for flotilla. Made by: flotilla completion fish

# What may be typed at a place, such as "config view".
function __flotilla_place
    switch "$argv[1]"
@ROWS@
    end
end

# Prints what the option takes; fails when it takes no word.
function __flotilla_value
    for entry in $__flotilla_values
        if string match -q -- "$argv[1]=*" $entry
            string replace -- "$argv[1]=" '' $entry
            return 0
        end
    end
    return 1
end

# Along the words before the last one: what that may be, into __flotilla_wanted.
function __flotilla_walk
    set -g __flotilla_line (commandline -opc)[2..-1]
    set -l current (commandline -ct)
    set -g __flotilla_program (commandline -opc)[1]
    set -g __flotilla_wanted nothing
    set -g __flotilla_typed
    set -g __flotilla_prefix ''
    set -l place
    set -l pending ''
    __flotilla_place ''
    for word in $__flotilla_line
        if test -n "$pending"; and begin
                not string match -q '\\*' -- (string sub -l 1 -- $pending); or not string match -q -- '-*' $word
            end
            string match -q '\\*' -- (string sub -l 1 -- $pending); or set pending ''
            continue
        end
        set pending ''
        switch $word
            case --
                return
            case '--*=*'
            case '--*'
                set pending (__flotilla_value $word)
            case '-*'
                # The last of several letters may take the next word.
                set pending (__flotilla_value -(string sub -s -1 -- $word))
            case '*'
                if test (count $__flotilla_typed) -eq 0; and contains -- $word $__flotilla_words
                    set -a place $word
                    __flotilla_place "$place"
                else
                    set -a __flotilla_typed $word
                end
        end
        # Such a one takes its value by = alone.
        string match -q -- '=*' "$pending"; and set pending ''
    end
    set -a __flotilla_line $current
    if test -n "$pending"; and begin
            test (string sub -l 1 -- $pending) != '*'; or not string match -q -- '-*' "$current"
        end
        set -g __flotilla_wanted (string trim -l -c '*' -- $pending)
    else if string match -q -- '--*=*' $current
        set -l value (__flotilla_value (string split -m 1 = -- $current)[1])
        if test -n "$value"
            set -g __flotilla_prefix (string split -m 1 = -- $current)[1]=
            set -g __flotilla_wanted (string trim -l -c '=*' -- $value)
        end
    else if string match -q -- '-*' $current
        set -g __flotilla_wanted options
    else if test (count $__flotilla_typed) -eq 0; and test (count $__flotilla_shown) -gt 0
        set -g __flotilla_wanted shown
    else if test (count $__flotilla_arguments) -gt 0
        set -l at (math (count $__flotilla_typed) + 1)
        if test $at -le (count $__flotilla_arguments)
            set -g __flotilla_wanted (string trim -l -c '*' -- $__flotilla_arguments[$at])
        else if string match -q '\\*' -- (string sub -l 1 -- $__flotilla_arguments[-1])
            set -g __flotilla_wanted (string trim -l -c '*' -- $__flotilla_arguments[-1])
        end
    end
end

# The first of the two that fish asks, and the only one that walks.
function __flotilla_wants_files
    __flotilla_walk
    contains -- $__flotilla_wanted files folders
end

function __flotilla_propose
    switch $__flotilla_wanted
        case options
            printf '%s\\n' $__flotilla_options
        case shown
            printf '%s\\n' $__flotilla_shown
        case 'choices:*'
            printf "$__flotilla_prefix%s\\n" (string split , -- (string replace choices: '' -- $__flotilla_wanted))
        case 'live:*'
            set -l what (string replace live: '' -- $__flotilla_wanted)
            # The kinds are known; only names are asked for.
            if test $what = resources; and test (count $__flotilla_typed) -eq 0
                if not string match -q -- '*/*' $__flotilla_line[-1]
                    printf '%s\\n' @KINDS@
                    return
                end
            end
            set -l answers ($__flotilla_program complete $what -- $__flotilla_line 2>/dev/null </dev/null)
            test (count $answers) -gt 0; and printf "$__flotilla_prefix%s\\n" $answers
    end
end

complete -c flotilla -e
complete -c flotilla -n __flotilla_wants_files -F
complete -c flotilla -n 'not __flotilla_wants_files' -f -a '(__flotilla_propose)'
`
