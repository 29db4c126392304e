/** `flotilla manual`: writes the man pages of all commands into a folder; for whoever packages the program. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { version } from '../../contract/version.ts'
import { type Clock, systemClock } from '../../kit/clock.ts'
import type { Command } from '../../kit/command-line.ts'
import { renderManPages } from './man-page.ts'
import { listPlaces } from './places.ts'

/** `SOURCE_DATE_EPOCH` in the environment, in seconds, dates the pages: https://reproducible-builds.org/specs/source-date-epoch/ */
export function createManualCommand(loadProgram: () => Promise<Command>, clock: Clock = systemClock): Command {
  return {
    name: 'manual',
    hidden: true,
    summary: 'Write the man pages into a folder',
    arguments: '<dir>',
    async run({ arguments: [folder = '.'] }) {
      const given = process.env['SOURCE_DATE_EPOCH']
      const date = new Date(given ? Number(given) * 1000 : clock.now()).toISOString().slice(0, 10)
      for (const { name, text } of renderManPages(listPlaces(await loadProgram()), { version, date }))
        await writeFile(join(folder, name), text)
      return 0
    },
  }
}
