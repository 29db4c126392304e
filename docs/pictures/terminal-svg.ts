/** Draws what a terminal shows, colours and all, as an SVG whose text stays text: small, sharp, and readable on light and dark pages alike. */

/** A run of characters that look the same. */
interface Run {
  text: string
  column: number
  style: Style
}

interface Style {
  bold: boolean
  dim: boolean
  underline: boolean
  inverse: boolean
  /** Index into the palette; undefined: the terminal's own. */
  colour: number | undefined
  background: number | undefined
}

const plain: Style = {
  bold: false,
  dim: false,
  underline: false,
  inverse: false,
  colour: undefined,
  background: undefined,
}

const cell = { width: 8.4, height: 18 }
const margin = { side: 14, top: 40, bottom: 14 }
const paper = '#1b1f27'
const ink = '#d6dae1'
/** The sixteen of a terminal. */
const palette = [
  ...['#3b4252', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d6dae1'],
  ...['#6b7484', '#ef7d86', '#a9d48a', '#f0cd86', '#7cc0ff', '#d68ff0', '#6dcbd6', '#ffffff'],
]

/** `screen`: lines with ANSI colours, as `tmux capture-pane -e -p` gives them. */
export function drawTerminal(screen: string, { title }: { title: string }): string {
  const lines = screen.trimEnd().split('\n').map(readRuns)
  const columns = Math.max(
    60,
    ...lines.map(runs => Math.max(0, ...runs.map(({ text, column }) => column + text.length))),
  )
  const width = Math.ceil(columns * cell.width + 2 * margin.side)
  const height = Math.ceil(lines.length * cell.height + margin.top + margin.bottom)
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (fill, index) => `<circle cx="${18 + 18 * index}" cy="18" r="5.5" fill="${fill}"/>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeText(title)}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${paper}"/>`,
    ...dots,
    `<text x="${width / 2}" y="23" text-anchor="middle" font-family="system-ui,sans-serif" font-size="13" fill="#8d95a3">${escapeText(title)}</text>`,
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" fill="${ink}" xml:space="preserve">`,
    ...lines.flatMap((runs, row) => runs.map(run => drawRun(run, row))),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** Its length is given, so that columns stay columns in whatever font there is. */
function drawRun({ text, column, style }: Run, row: number): string {
  const x = round(margin.side + column * cell.width)
  const top = margin.top + row * cell.height
  const length = round(text.length * cell.width)
  const [colour, background] = coloursOf(style)
  const looks = [
    ...(colour === ink ? [] : [`fill="${colour}"`]),
    ...(style.bold ? ['font-weight="bold"'] : []),
    ...(style.dim ? ['opacity="0.6"'] : []),
    ...(style.underline ? ['text-decoration="underline"'] : []),
  ]
  const box =
    background === undefined
      ? ''
      : `<rect x="${x}" y="${top}" width="${length}" height="${cell.height}" fill="${background}"/>`
  const words = ['text', `x="${x}"`, `y="${top + 13}"`, `textLength="${length}"`, ...looks].join(' ')
  return `${box}<${words}>${escapeText(text)}</text>`
}

function coloursOf({ colour, background, inverse, bold }: Style): [string, string | undefined] {
  const front = colour === undefined ? ink : palette[bold && colour < 8 ? colour + 8 : colour]!
  const back = background === undefined ? undefined : palette[background]
  return inverse ? [back ?? paper, front] : [front, back]
}

/** Runs of blanks without a background are left out. */
function readRuns(line: string): Run[] {
  const runs: Run[] = []
  let [column, style] = [0, plain]
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the same
    const codes = /^\u001b\[([0-9;]*)m$/.exec(part)?.[1]
    if (codes !== undefined) style = applyCodes(style, codes.split(';').map(Number))
    else {
      const visible = style.background !== undefined || style.inverse || style.underline
      for (const { index, 0: text } of part.matchAll(visible ? /.+/g : /\S+(?: \S+)*/g)) {
        runs.push({ text, column: column + index, style })
      }
      column += part.length
    }
  }
  return runs
}

/** SGR, ECMA-48 8.3.117; of the colours only the sixteen. */
function applyCodes(before: Style, codes: number[]): Style {
  let style = before
  for (const code of codes) style = code === 0 ? plain : { ...style, ...changeOf(code) }
  return style
}

function changeOf(code: number): Partial<Style> {
  if (code === 1) return { bold: true }
  if (code === 2) return { dim: true }
  if (code === 22) return { bold: false, dim: false }
  if (code === 4 || code === 24) return { underline: code === 4 }
  if (code === 7 || code === 27) return { inverse: code === 7 }
  if (code >= 30 && code <= 37) return { colour: code - 30 }
  if (code >= 90 && code <= 97) return { colour: code - 82 }
  if (code === 39) return { colour: undefined }
  if (code >= 40 && code <= 47) return { background: code - 40 }
  if (code >= 100 && code <= 107) return { background: code - 92 }
  return code === 49 ? { background: undefined } : {}
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
