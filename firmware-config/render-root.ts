/** The system's files on a board's own disk: what each folder of this room says for the board's profile. */
import type { Assets } from '../kit/assets.ts'
import type { BoardProfile, RenderedFile } from './profile.ts'

/**
 * Whose machine it is, and so how far we go. Each holds those before it.
 * `package`: any machine that installs the Debian package, which ships just these.
 * `board`: a machine that its owner made a board of the fleet and may use for other things as well: drop-ins under our own name.
 * `own-image`: nothing but ours is on the disk.
 */
export const rootScopes = ['package', 'board', 'own-image'] as const
export type RootScope = (typeof rootScopes)[number]

/** Sorted by path. Paths are absolute; none is a file that Debian or Raspberry Pi OS puts there, but for `own-image`. */
export function renderRoot(assets: Assets, profile: BoardProfile, scope: RootScope = 'own-image'): RenderedFile[] {
  const scopes = rootScopes.slice(0, rootScopes.indexOf(scope) + 1)
  const files = new Map<string, RenderedFile>()
  // The board's own word counts more than what all boards share.
  for (const owner of ['common', profile.name]) {
    for (const name of assets.list(`firmware-config/${owner}`)) {
      const place = scopes
        .map(folder => `firmware-config/${owner}/${folder}`)
        .find(start => name.startsWith(`${start}/`))
      if (place === undefined) continue
      const file = renderFile(name.slice(place.length), new TextDecoder().decode(assets.read(name)))
      files.set(file.path, file)
    }
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Assets carry no permissions: what begins as a script may be run. */
function renderFile(path: string, content: string): RenderedFile {
  return { place: 'root', path, content, mode: content.startsWith('#!') ? 0o755 : 0o644 }
}
