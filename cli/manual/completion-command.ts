/** `flotilla completion` prints what makes a shell complete our commands; `flotilla complete` answers what such a script asks. */
import { kinds } from '../../contract/resources/kinds.ts'
import type { Command } from '../../kit/command-line.ts'
import { renderBashCompletion } from './bash-completion.ts'
import { renderFishCompletion } from './fish-completion.ts'
import { listPlaces, type Place } from './places.ts'
import { renderZshCompletion } from './zsh-completion.ts'

const renderers: Record<string, (places: Place[], kindNames: string[]) => string> = {
  bash: renderBashCompletion,
  zsh: renderZshCompletion,
  fish: renderFishCompletion,
}

/** `loadProgram`: all commands of all islands. */
export function createCompletionCommand(
  loadProgram: () => Promise<Command>,
  print: (text: string) => unknown = text => process.stdout.write(text),
): Command {
  return {
    name: 'completion',
    summary: 'Print what makes a shell complete commands, options and the names in the cluster',
    commands: Object.entries(renderers).map(([shell, render]) => ({
      name: shell,
      summary: `For ${shell}`,
      async run() {
        print(render(listPlaces(await loadProgram()), kindNames()))
        return 0
      },
    })),
    examples: [
      '$ source <(flotilla completion bash)                  for this shell; the same for zsh',
      '$ flotilla completion fish | source',
      '$ flotilla completion bash > ~/.local/share/bash-completion/completions/flotilla',
      '  The Debian package brings them along: nothing is to be done there.',
    ],
  }
}

/** As people type them, those with a group that has the same name elsewhere included. */
function kindNames(): string[] {
  return kinds.filter(({ virtual }) => !virtual).map(({ plural }) => plural)
}
