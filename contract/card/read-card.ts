/** `flotilla/card.yaml` of a card: written by flash, and read with care, since whoever has the card can edit it. */
import { CodedError, type Problem } from '../../kit/errors.ts'
import { parseYamlDocuments, renderYaml } from '../manifest/yaml.ts'
import { onBoot } from './card-places.ts'
import type { CardSettings } from './card-settings.ts'
import { checkCardSettings } from './check-card.ts'

/** 32 keys of 4 KB would be more than anybody has. */
export const maxCardBytes = 64 * 1024

/** Throws `Invalid` with all problems, each with its line. `file`: what messages call it. */
export function parseCardSettings(text: string, file: string = onBoot.settings): CardSettings {
  if (Buffer.byteLength(text) > maxCardBytes)
    throw unreadable(file, [{ path: '', message: `it is longer than ${maxCardBytes} bytes` }])
  const { documents, problems } = parseYamlDocuments(text, file)
  if (problems.length > 0) throw unreadable(file, problems)
  const [document, ...more] = documents
  if (document === undefined || more.length > 0)
    throw unreadable(file, [{ path: '', message: 'it must hold one YAML document' }])
  const found = checkCardSettings(document.value)
  if (found.length === 0) return document.value as CardSettings
  throw unreadable(
    file,
    found.map(problem => {
      const line = document.lineOf(pathOf(problem.path))
      return { ...problem, file, ...(line !== undefined && { line }) }
    }),
  )
}

/** The text of the file. Throws `Invalid` when the settings are not such that `parseCardSettings` would take them. */
export function formatCardSettings(settings: CardSettings): string {
  const problems = checkCardSettings(settings)
  if (problems.length > 0) throw unreadable('these settings', problems)
  return `# What this board is to be. Written by "flotilla flash"; read at the board's first start only.\n${renderYaml(settings)}`
}

function unreadable(what: string, problems: Problem[]): CodedError {
  const told = problems.map(({ path, message, line }) => {
    const place = [line === undefined ? '' : `line ${line}`, path].filter(part => part !== '').join(', ')
    return place === '' ? message : `${place}: ${message}`
  })
  return new CodedError('Invalid', `cannot read ${what}: because ${told.join('; ')}`, { problems })
}

/** `sshKeys[1]` as the steps of a document. */
function pathOf(path: string): Array<string | number> {
  return [...path.matchAll(/[^.[\]]+/g)].map(([step]) => (/^\d+$/.test(step) ? Number(step) : step))
}
