/** config.txt, which the firmware of a Raspberry Pi reads: our settings are one marked block at its end. */

const begin = '# Flotilla: from here to the end mark is written by "flotilla flash", and written anew by it.'
const end = '# Flotilla: end mark'

/**
 * Our settings after those of the image: of two lines with one name the firmware takes the last. The rest of the file is not
 * touched, and doing it twice changes nothing.
 */
export function amendConfigTxt(text: string, settings: readonly string[]): string {
  const rest = withoutBlock(text).trimEnd()
  // Filters ([pi4] …) and the overlay that parameters go to hold on to the end of the file, unless something ends them.
  const block = [begin, '[all]', 'dtoverlay=', ...settings.map(part => `${part.trim()}\n[all]`), end]
  return `${rest}${rest === '' ? '' : '\n\n'}${block.join('\n')}\n`
}

/** Value of a setting outside all filters, the last that there is: `os_prefix`, `cmdline`. */
export function readSetting(text: string, name: string): string | undefined {
  let filter = 'all'
  let value: string | undefined
  for (const line of text.split('\n').map(raw => raw.trim())) {
    filter = /^\[(.*)\]$/.exec(line)?.[1] ?? filter
    if (filter === 'all' && line.startsWith(`${name}=`)) value = line.slice(name.length + 1).trim()
  }
  return value
}

function withoutBlock(text: string): string {
  const lines = text.split('\n')
  const from = lines.indexOf(begin)
  if (from < 0) return text
  const to = lines.indexOf(end, from)
  // A block whose end somebody took away: only its first line is surely ours.
  return [...lines.slice(0, from), ...lines.slice(to < 0 ? from + 1 : to + 1)].join('\n')
}
