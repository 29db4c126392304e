/** config.txt, which the firmware of a Raspberry Pi reads: our settings are one marked block in it. */

const begin = '# Flotilla: from here to the end mark is written by "flotilla flash", and written anew by it.'
const end = '# Flotilla: end mark'

/**
 * Our settings behind those of the image: of two lines with one name the firmware takes the last. A block that is there already is
 * replaced where it is, so that what somebody has put behind it goes on counting more. Nothing else is touched.
 */
export function amendConfigTxt(text: string, settings: readonly string[]): string {
  // Filters ([pi4] …) and the overlay that parameters go to hold on to the end of the file, unless something ends them:
  // "dtoverlay=" (https://www.raspberrypi.com/documentation/computers/configuration.html#part3.2).
  const block = [begin, '[all]', 'dtoverlay=', ...settings.map(part => `${part.trim()}\n[all]`), end].join('\n')
  const lines = text.trimEnd().split('\n')
  // Trimmed: an editor of Windows may have ended all lines its own way.
  const marks = lines.map(line => line.trim())
  const from = marks.indexOf(begin)
  if (from < 0) return `${text.trimEnd()}${text.trim() === '' ? '' : '\n\n'}${block}\n`
  // A block whose end somebody took away: only its first line is surely ours.
  const to = Math.max(marks.indexOf(end, from), from)
  return `${[...lines.slice(0, from), block, ...lines.slice(to + 1)].join('\n')}\n`
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
