/** Draws rows in columns as kubectl does, as wide as the terminal is. The adapter of `string-width`. */
import stringWidth from 'string-width'

/** Blanks between two columns. */
const gap = 3
/** A column is never cut below this. */
const minWidth = 8

export interface TableOptions {
  /** Undefined when the output is no terminal: nothing is cut then. */
  maxWidth?: number | undefined
  /** Indexes of the columns that may lose their ends. A name cut short can be neither told from another nor copied. */
  cuttable?: readonly number[]
  /** Columns were at least this wide before, in a table that goes on. */
  widths?: number[]
}

/** Lines without a line end. The widest of the columns that may be are cut with `…` until a line fits. */
export function renderTable(rows: string[][], options: TableOptions = {}): { lines: string[]; widths: number[] } {
  const clean = rows.map(row => row.map(cleanCell))
  const widths = measure(clean, options.widths)
  const shown = fitWidths(widths, options)
  const lines = clean.map(row =>
    row
      .map((cell, column) => pad(cell, shown[column] ?? 0))
      .join(' '.repeat(gap))
      .trimEnd(),
  )
  return { lines, widths }
}

/** One line, with all white space as one blank. */
function cleanCell(text: string): string {
  return cleanLine(text.replace(/\s+/g, ' '))
}

/** Nothing that the terminal would obey: values come from other people's containers. Blanks stay, they may mean something. */
export function cleanLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
  return text.replace(/\t/g, '    ').replace(/[\x00-\x1f\x7f-\x9f]/g, '\ufffd')
}

function measure(rows: string[][], before: number[] = []): number[] {
  const widths = [...before]
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))
  return widths
}

/** A line that cannot fit stays whole: the terminal wraps it anyway. */
function fitWidths(widths: number[], { maxWidth = Number.POSITIVE_INFINITY, cuttable = [] }: TableOptions): number[] {
  const fitted = [...widths]
  while (totalOf(fitted) > maxWidth) {
    const widest = cuttable.reduce((best, column) => (fitted[column]! > (fitted[best] ?? minWidth) ? column : best), -1)
    if (widest < 0) return widths
    fitted[widest]! -= 1
  }
  return fitted
}

function totalOf(widths: number[]): number {
  return widths.reduce((sum, width) => sum + width, gap * (widths.length - 1))
}

function pad(cell: string, width: number): string {
  const cut = widthOf(cell) > width ? cutTo(cell, width) : cell
  return cut + ' '.repeat(Math.max(0, width - widthOf(cut)))
}

function cutTo(cell: string, width: number): string {
  let cut = ''
  for (const { segment } of new Intl.Segmenter().segment(cell)) {
    if (widthOf(cut + segment) > width - 1) break
    cut += segment
  }
  return `${cut}…`
}

/** Most cells are plain; only others are worth asking about each character. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text)
}
