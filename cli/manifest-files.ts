/** Reads the manifests that `-f` names; what is wrong with any of them is told all at once, and then nothing is done. */
import { type ManifestObject, readManifests, renderProblem } from '../contract/manifest/read-manifests.ts'
import { findKind, type Kind } from '../contract/resources/kinds.ts'
import { hasCode } from '../kit/errors.ts'
import { readStdin } from './read-stdin.ts'
import type { Terminal } from './terminal.ts'

export interface Manifest {
  kind: Kind
  source: ManifestObject
}

/** Namespaces first: what is in them may stand before them in the file. */
export function byDependence(manifests: Manifest[]): Manifest[] {
  const isNamespace = ({ kind }: Manifest): boolean => kind.kind === 'Namespace'
  return [...manifests.filter(isNamespace), ...manifests.filter(manifest => !isNamespace(manifest))]
}

/** As much as one manifest may be, for what comes through a pipe. */
const maxStdinBytes = 32 * 1024 * 1024

/** Undefined when something is wrong: all of it has been told then, each with file, line and path. */
export async function readFiles(
  files: string[],
  { recursive, terminal }: { recursive: boolean; terminal: Terminal },
): Promise<Manifest[] | undefined> {
  try {
    const sources = await readManifests(files, {
      recursive,
      readStdin: async () => (await readStdin(terminal.stdin, maxStdinBytes)).toString(),
    })
    return sources.flatMap(source => {
      const kind = findKind(source.object.apiVersion, source.object.kind)
      return kind ? [{ kind, source }] : []
    })
  } catch (error) {
    if (!hasCode(error, 'Invalid')) throw error
    terminal.warn(error.problems.map(problem => `error: ${renderProblem(problem)}\n`).join(''))
    return undefined
  }
}
