/** "Did you mean": the word that a misspelt one was probably meant to be. */

/** Words longer than this are not compared: nobody misspells them by a letter. */
const maxWordLength = 64

/** The nearest candidates, best first; none when nothing is similar. */
export function nearestTo(word: string, candidates: readonly string[], limit = 1): string[] {
  if (word.length > maxWordLength) return []
  const tolerance = Math.max(1, Math.floor(word.length / 3))
  return candidates
    .map(candidate => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= tolerance)
    .sort((left, right) => left.distance - right.distance)
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}

/** How many letters must be added, removed, changed, or swapped with their neighbour (optimal string alignment). */
function editDistance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, column) => column)]
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1]
      const isSwap = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      const edits = [cell(row - 1, column) + 1, cell(row, column - 1) + 1, cell(row - 1, column - 1) + (isSame ? 0 : 1)]
      current.push(Math.min(...edits, isSwap ? cell(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY))
    }
  }
  return cell(left.length, right.length)
}
