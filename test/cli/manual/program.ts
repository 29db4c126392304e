/** A small tree of commands with one of each thing that a shell must understand, and the whole program's. */
import { fleetCommands } from '../../../cli/cli.ts'
import type { Command } from '../../../kit/command-line.ts'

const run = async (): Promise<number> => 0

export const sample: Command = {
  name: 'flotilla',
  summary: 'a fleet',
  commands: [
    {
      name: 'get',
      summary: "Show objects: it's a table",
      arguments: '[types-and-names...]',
      options: [
        { flags: '-o, --output <format>', summary: 'format [of it]', choices: ['wide', 'json'] },
        { flags: '-n, --namespace <name>', summary: 'namespace' },
        { flags: '-w, --watch', summary: 'go on' },
        { flags: '-f, --filename <file...>', summary: 'files' },
        { flags: '--wait [yes]', summary: 'until it is done', choices: ['true', 'false'], default: 'true' },
        { flags: '--context <name>', summary: 'which cluster' },
      ],
      examples: ['$ flotilla get pods   of "here"'],
      run,
    },
    {
      name: 'logs',
      summary: 'Print',
      arguments: '[pod-or-type/name]',
      options: [{ flags: '-c, --container <name>', summary: 'which' }],
      run,
    },
    { name: 'import', summary: 'Take in', arguments: '<file>', run },
    {
      name: 'config',
      summary: 'Clusters',
      options: [{ flags: '--dir <dir>', summary: 'where' }],
      commands: [
        { name: 'use-context', aliases: ['use'], summary: 'Use another', arguments: '<name>', run },
        { name: 'view', summary: 'Show it', options: [{ flags: '--raw', summary: 'as it is' }], run },
        { name: 'secret', summary: 'For us', hidden: true, run },
      ],
    },
    { name: 'complete', summary: 'For shells', hidden: true, run },
  ],
}

export const whole: Command = { name: 'flotilla', summary: "Kubernetes' model", commands: fleetCommands }
