/** The project's own files, read for the house tests. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface SourceFile {
  path: string
  text: string
}

/** Every file that is or will be committed, by git's own word. */
export function listFiles(): string[] {
  const output = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  const deleted = new Set(execFileSync('git', ['ls-files', '--deleted'], { encoding: 'utf8' }).split('\n'))
  return output.split('\n').filter(path => path !== '' && !deleted.has(path))
}

export function readFiles(paths: string[]): SourceFile[] {
  return paths.map(path => ({ path, text: readFileSync(path, 'utf8') }))
}

/** Rooms of the program itself: neither tests nor tools around it. */
const programRooms = ['kit', 'contract', 'firmware-config', 'master', 'agent', 'cli', 'images']

export function readSources(): SourceFile[] {
  const inRoom = (path: string): boolean => programRooms.includes(path.split('/')[0] ?? '') || path === 'flotilla.ts'
  return readFiles(listFiles().filter(path => path.endsWith('.ts') && inRoom(path)))
}

/** What a module imports: static, type-only and dynamic imports alike. Relies on the formatter's one way of writing them. */
export function importsOf({ text }: SourceFile): string[] {
  const pattern = /^(?:import|export) .*from '([^']+)'$|^} from '([^']+)'$|\bimport\('([^']+)'\)|^import '([^']+)'$/gm
  return [...text.matchAll(pattern)].map(match => match[1] ?? match[2] ?? match[3] ?? match[4] ?? '')
}
