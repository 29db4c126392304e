/** Settings without a reason beside them: what firmware-config may not have. */

/** Boilerplate of units, which says nothing about a board. */
const plainSections = ['[Unit]', '[Install]']
/** A page on the web, a manual page, or a place in one of the sources that the head of the file names. */
const source = /https?:\/\/|\b[\w.-]+\.com\/\S+|[\w.-]+\(\d\)|\w#\w+|: "\w+"/

/**
 * Lines of data (a setting each; `#` comments) that have no comment right above them, or none that names a source, neither there nor at
 * the head of the file. Lines one below the other share a comment; an empty line ends it, a section's name does not.
 */
export function findUnexplained(text: string): string[] {
  const lines = text.split('\n').map(line => line.trim())
  const head = lines
    .slice(
      0,
      lines.findIndex(line => !line.startsWith('#')),
    )
    .join(' ')
  let section = ''
  let comment: string[] = []
  let isOpen = false
  return lines.filter(line => {
    if (line.startsWith('#')) {
      comment = isOpen ? [...comment, line] : [line]
      isOpen = true
      return false
    }
    if (line === '') comment = []
    if (/^\[.*\]$/.test(line)) section = line
    isOpen = false
    if (line === '' || section === line || plainSections.includes(section)) return false
    return comment.length === 0 || !source.test(`${head} ${comment.join(' ')}`)
  })
}
