/** Debian's static busybox as the one file that our container images are made of. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CodedError } from '../kit/errors.ts'
import { openApt } from './apt.ts'
import type { ImageFile } from './oci-archive.ts'
import { unpackDeb } from './run.ts'

export const localBusybox = '/bin/busybox'

/** `/bin/busybox` and a link to it for each applet. Rejects when the machine has no static busybox. */
export async function busyboxFiles(applets: string[], source = localBusybox): Promise<ImageFile[]> {
  const way = "install Debian's package busybox-static"
  if (!existsSync(source))
    throw new CodedError('NotFound', `cannot build images: because there is no ${source}; ${way}`)
  // A dynamic executable names its loader; in an image without one it would fail with "no such file" at its start.
  if ((await readFile(source)).includes('/ld-linux'))
    throw new CodedError('Invalid', `cannot build images: because ${source} is not static; ${way}`)
  return [
    { path: 'bin/busybox', mode: 0o755, source },
    ...applets.map(applet => ({ path: `bin/${applet}`, symlink: 'busybox' })),
  ]
}

/** Calls `use` with Debian's busybox of any architecture, which apt fetches and checks; it is gone afterwards. */
export async function withBusyboxOf<T>(architecture: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-busybox-'))
  try {
    const apt = await openApt({ architecture, folder: join(folder, 'apt'), archives: join(folder, 'debs') })
    const [deb] = await apt.fetch(['busybox-static'])
    if (!deb)
      throw new CodedError('NotFound', `cannot build images: because Debian has no busybox-static for ${architecture}`)
    await mkdir(join(folder, 'root'))
    await unpackDeb(deb.path, join(folder, 'root'))
    return await use(join(folder, 'root/usr/bin/busybox'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
