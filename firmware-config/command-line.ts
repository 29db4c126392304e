/** The kernel's command line: words that we need are put into the one that an image has. */

/** Names that stand on a command line more than once, each time with another meaning. */
const repeated = ['cgroup_enable', 'cgroup_disable', 'modprobe.blacklist']
/** Who has chosen one of these has chosen: where messages go is not ours to change. */
const chosen = ['console']

/**
 * `words` in `line`, each once, the rest of the line and its order unchanged; doing it twice changes nothing. A word `name=value`
 * takes the place of the line's own value of that name.
 */
export function amendCommandLine(line: string, words: readonly string[]): string {
  const before = splitWords(line)
  const kept = before.filter(word => word !== 'cgroup_disable=memory' || !words.includes('cgroup_enable=memory'))
  const amended = words.reduce((sofar, word) => putWord(sofar, word, before), kept)
  return amended.join(' ')
}

/** The words of a command line as data: one a line, comments between them. */
export function readWords(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
}

/** A value in quotes may hold spaces (Documentation/admin-guide/kernel-parameters.rst of the kernel). */
export function splitWords(line: string): string[] {
  return line.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []
}

function putWord(line: string[], word: string, before: string[]): string[] {
  const name = nameOf(word)
  if (line.includes(word)) return line
  if (chosen.includes(name) && before.some(other => nameOf(other) === name)) return line
  const isSame = (other: string): boolean => nameOf(other) === name
  if (!word.includes('=') || [...repeated, ...chosen].includes(name) || !line.some(isSame)) return [...line, word]
  const first = line.findIndex(isSame)
  return line.flatMap((other, at) => (isSame(other) ? (at === first ? [word] : []) : [other]))
}

function nameOf(word: string): string {
  return word.split('=', 1)[0] ?? ''
}
