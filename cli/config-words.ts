/** The words of `flotilla config`: the file that says which clusters we may command. */
import type { Option } from '../kit/command-line.ts'
import { noHeadersOption, type Words } from './words.ts'

const fileOption: Option = {
  flags: '--config <file>',
  summary: 'which file (default: $FLOTILLA_CONFIG, then ~/.config/flotilla/config.yaml)',
}

export const configGetContextsWords: Words = {
  name: 'get-contexts',
  arguments: '[names...]',
  summary: 'Show the clusters that there is a way into',
  options: [{ flags: '-o, --output <format>', summary: 'format', choices: ['name'] }, noHeadersOption, fileOption],
}

export const configCurrentContextWords: Words = {
  name: 'current-context',
  summary: 'Print the name of the one in use',
  options: [fileOption],
}

export const configUseContextWords: Words = {
  name: 'use-context',
  arguments: '<name>',
  summary: 'Use another from now on',
  options: [fileOption],
}

export const configViewWords: Words = {
  name: 'view',
  summary: 'Show the file, without its keys',
  options: [{ flags: '-o, --output <format>', summary: 'format', choices: ['yaml', 'json'] }, fileOption],
}

export const configImportWords: Words = {
  name: 'import',
  arguments: '<file>',
  summary: 'Take in what "flotilla user create" has written, - for stdin',
  options: [{ flags: '--use', summary: 'and use it from now on' }, fileOption],
  examples: ['$ flotilla config import alice.flotilla.yaml --use && rm alice.flotilla.yaml'],
}
