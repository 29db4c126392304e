/** Manifests from files, directories and standard input: every object, or every problem of all of them at once. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, messageOf, type Problem } from '../../kit/errors.ts'
import { readObject } from '../resources/admit.ts'
import { parsePath } from '../resources/field-path.ts'
import { isFields } from '../resources/fields.ts'
import type { AnyObject } from '../resources/meta.ts'
import { type Path, parseYamlDocuments } from './yaml.ts'

export interface ManifestObject {
  /** What was written, without defaults. */
  object: AnyObject
  file: string
  /** Where the object begins, from 1. */
  line: number
  /** Line of a field, or of the nearest enclosing one that is there. */
  lineOf(path: Path): number | undefined
}

export interface ReadOptions {
  /** Look into the directories of a directory, too. */
  recursive?: boolean
  /** For the source `-`. */
  readStdin: () => Promise<string>
}

interface Found {
  objects: ManifestObject[]
  problems: Problem[]
}

interface Source {
  file: string
  read: () => Promise<string>
}

/** Characters of one file: some thousand objects. */
const maxFileLength = 32 * 1024 * 1024
/** Files of all directories together. */
const maxFiles = 5000
const stdinName = 'standard input'
const manifestName = /\.(ya?ml|json)$/

/** Throws `BadRequest` for a source that is never read, else `Invalid` with all that is wrong, a line for each. */
export async function readManifests(sources: readonly string[], options: ReadOptions): Promise<ManifestObject[]> {
  refuseAddresses(sources)
  const found: Found = { objects: [], problems: [] }
  for (const { file, read } of await listSources(sources, options, found.problems)) {
    try {
      readText(await read(), file, found)
    } catch (error) {
      found.problems.push({ path: '', file, message: `cannot be read: ${messageOf(error)}` })
    }
  }
  if (found.problems.length > 0) throw invalid(found.problems)
  if (found.objects.length === 0) throw invalid([{ path: '', message: `no objects in ${sources.join(', ')}` }])
  return found.objects
}

/** The same problems with file and line, for those that the server found. */
export function locateProblems(manifest: ManifestObject, problems: readonly Problem[]): Problem[] {
  return problems.map(problem => {
    const line = manifest.lineOf(parsePath(problem.path)) ?? manifest.line
    return { ...problem, file: manifest.file, line }
  })
}

/** `web.yaml:12: spec.replicas: must be …` */
export function renderProblem({ file, line, path, message }: Problem): string {
  const place = line === undefined ? file : `${file}:${line}`
  return [place, path, message].filter(part => part !== undefined && part !== '').join(': ')
}

function refuseAddresses(sources: readonly string[]): void {
  const address = sources.find(source => /^https?:\/\//i.test(source))
  if (address === undefined) return
  const wayOut = `save it and pass the file, or pipe it: curl -fsSL ${address} | flotilla apply -f -`
  throw new CodedError('BadRequest', `cannot read ${address}: because Flotilla downloads no manifests; ${wayOut}`)
}

async function listSources(sources: readonly string[], options: ReadOptions, problems: Problem[]): Promise<Source[]> {
  const listed: Source[] = []
  for (const source of sources) {
    try {
      listed.push(...(await openSource(source, options)))
    } catch (error) {
      problems.push({ path: '', file: source, message: `cannot be read: ${messageOf(error)}` })
    }
  }
  if (listed.length <= maxFiles) return listed
  throw new CodedError('BadRequest', `cannot read manifests: because there are more than ${maxFiles} files`)
}

async function openSource(source: string, { recursive = false, readStdin }: ReadOptions): Promise<Source[]> {
  if (source === '-') return [{ file: stdinName, read: readStdin }]
  const open = (file: string): Source => ({ file, read: () => readWhole(file) })
  if (!(await stat(source)).isDirectory()) return [open(source)]
  const entries = await readdir(source, { recursive })
  const files = entries.filter(entry => manifestName.test(entry)).sort()
  if (files.length === 0) throw new Error('the directory has no *.yaml, *.yml or *.json')
  return files.map(entry => open(join(source, entry)))
}

async function readWhole(file: string): Promise<string> {
  const { size } = await stat(file)
  if (size > maxFileLength) throw new Error(`it is ${size} bytes, and the limit is ${maxFileLength}`)
  return readFile(file, 'utf8')
}

function readText(text: string, file: string, found: Found): void {
  if (text.length > maxFileLength) throw new Error(`it is longer than ${maxFileLength} characters`)
  const { documents, problems } = parseYamlDocuments(text, file)
  found.problems.push(...problems)
  for (const { value, lineOf } of documents) {
    if (value !== undefined) unfold(value, { file, lineOf }, found)
  }
}

type Origin = Pick<ManifestObject, 'file' | 'lineOf'>

/** A `List`, or a typed one such as `PodList`, stands for its items. */
function unfold(value: unknown, origin: Origin, found: Found): void {
  for (const { item, path } of itemsOf(value)) {
    const inside = { file: origin.file, lineOf: (rest: Path) => origin.lineOf([...path, ...rest]) }
    if (path.length > 0) unfold(item, inside, found)
    else take(item, inside, found)
  }
}

function itemsOf(value: unknown): Array<{ item: unknown; path: Path }> {
  const isList = isFields(value) && typeof value['kind'] === 'string' && value['kind'].endsWith('List')
  if (!isList || !Array.isArray(value['items'])) return [{ item: value, path: [] }]
  return value['items'].map((item: unknown, index) => ({ item, path: ['items', index] }))
}

function take(value: unknown, { file, lineOf }: Origin, found: Found): void {
  const manifest: ManifestObject = { object: value as AnyObject, file, line: lineOf([]) ?? 1, lineOf }
  try {
    found.problems.push(...locateProblems(manifest, readObject(value).problems))
    found.objects.push(manifest)
  } catch (error) {
    found.problems.push(...locateProblems(manifest, [{ path: '', message: messageOf(error) }]))
  }
}

function invalid(problems: Problem[]): CodedError {
  return new CodedError('Invalid', problems.map(renderProblem).join('\n'), { problems })
}
