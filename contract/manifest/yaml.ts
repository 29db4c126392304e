/** YAML as kubectl reads and writes it; the only file that knows the `yaml` library. */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  type ScalarTag,
  stringify,
  type Tags,
  visit,
} from 'yaml'
import { messageOf, type Problem } from '../../kit/errors.ts'

export type Path = ReadonlyArray<string | number>

export interface YamlDocument {
  /** JSON values; undefined when the document is empty. */
  value: unknown
  /** Line of the field, or of the nearest enclosing one that is there; from 1. Undefined for an empty document. */
  lineOf(path: Path): number | undefined
}

export interface YamlFile {
  documents: YamlDocument[]
  /** With file and line; documents with problems are left out. */
  problems: Problem[]
}

/** How often the aliases of a document may be followed: more is a bomb of aliases of aliases. */
const maxAliases = 100
/** One slip can lead the parser astray for the rest of the file: what follows these tells nothing new. */
const maxProblems = 20
const floatTag = 'tag:yaml.org,2002:float'
/** The library's own messages quote what they stumble over, however long. */
const maxMessageLength = 200
/** Tags of YAML 1.1 that kubectl does not apply: `12:30` and `2024-01-01` stay text, no sets, no binaries. */
const unwantedTags = ['timestamp', 'binary', 'set', 'omap', 'pairs'].map(name => `tag:yaml.org,2002:${name}`)

export function parseYamlDocuments(text: string, file: string): YamlFile {
  const lines = new LineCounter()
  const result: YamlFile = { documents: [], problems: [] }
  const report = (message: string, offset: number): void => {
    if (result.problems.length === maxProblems) return
    const cut = message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message
    result.problems.push({ path: '', message: `not YAML: ${cut}`, file, line: lines.linePos(offset).line })
  }
  for (const document of parseDocuments(text, lines, report)) {
    const found = [...document.errors, ...document.warnings, ...findStrangeKeys(document)]
    for (const { message, pos } of found) report(message, pos[0])
    if (found.length > 0) continue
    try {
      const value: unknown = document.toJS({ maxAliasCount: maxAliases }) ?? undefined
      result.documents.push({ value, lineOf: path => lineOf(document, path, lines) })
    } catch (error) {
      report(messageOf(error), document.range[0])
    }
  }
  return result
}

/** `{{ .Values.name }}` of a template that nobody rendered is a map with a map for a key: JSON has no such thing. */
function findStrangeKeys(document: Document.Parsed): Array<{ message: string; pos: [number, number] }> {
  const found: Array<{ message: string; pos: [number, number] }> = []
  visit(document, {
    Pair(_, { key }) {
      if (!isCollection(key)) return
      const [start, end] = (key as ParsedNode).range
      found.push({ message: 'a key must be plain text, not a list or a map', pos: [start, end] })
    },
  })
  return found
}

/** The library recurses, so that a file of brackets only could overflow it: that is a problem of the file, too. */
function parseDocuments(
  text: string,
  lineCounter: LineCounter,
  report: (message: string, offset: number) => void,
): Document.Parsed[] {
  try {
    const parsed = parseAllDocuments(text, {
      version: '1.1',
      customTags: kubectlTags,
      lineCounter,
      prettyErrors: false,
    })
    return Array.isArray(parsed) ? parsed : []
  } catch (error) {
    report(messageOf(error), 0)
    return []
  }
}

/** As `kubectl -o yaml`: fields in alphabetical order, long lines unbroken, strings quoted that would read as something else. */
export function renderYaml(value: unknown): string {
  return stringify(value, {
    version: '1.1',
    // Newer readers take 0o17 for a number too: quote what either version would misread.
    compat: 'core',
    customTags: tags => [goOctal, ...tags],
    lineWidth: 0,
    indentSeq: false,
    sortMapEntries: true,
    aliasDuplicateObjects: false,
    blockQuote: 'literal',
  })
}

function kubectlTags(tags: Tags): Tags {
  return [goOctal, plainFloat, ...tags.filter(tag => typeof tag === 'string' || !isUnwanted(tag))]
}

function isUnwanted(tag: Exclude<Tags[number], string>): boolean {
  const { format } = tag as ScalarTag
  return unwantedTags.includes(tag.tag) || format === 'TIME' || (tag.tag === floatTag && format === undefined)
}

/** Go's strconv, on which kubectl relies, also reads `0o644`. */
const goOctal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  format: 'OCT',
  test: /^[-+]?0o[0-7]+$/,
  resolve: text => Number(text.replace(/^[-+]/, '')) * (text.startsWith('-') ? -1 : 1),
}

/** The library's own reads a lone dot as a number that is none; JSON has neither that nor `.inf` and `.nan`. */
const plainFloat: ScalarTag = {
  tag: floatTag,
  default: true,
  test: /^[-+]?(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*)$/,
  resolve: text => Number(text.replaceAll('_', '')),
}

function lineOf(document: Document.Parsed, path: Path, lines: LineCounter): number | undefined {
  let node: Node | null | undefined = document.contents
  if (node === null || node === undefined) return undefined
  let offset = (node as ParsedNode).range[0]
  for (const step of path) {
    const source: Node | undefined = isAlias(node) ? node.resolve(document) : (node ?? undefined)
    const inside = stepInto(source, step)
    if (inside === undefined) break
    offset = inside.offset
    node = inside.node
  }
  return lines.linePos(offset).line
}

/** A field is found at its key: the value of a nested one begins on the line below. */
function stepInto(node: Node | undefined, step: string | number): { node: Node | null; offset: number } | undefined {
  if (isMap<ParsedNode, ParsedNode | null>(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
    return pair && { node: pair.value, offset: pair.key.range[0] }
  }
  if (!isSeq<ParsedNode>(node)) return undefined
  const item = node.items[Number(step)]
  return item && { node: item, offset: item.range[0] }
}
