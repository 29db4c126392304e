/** Debian's static busybox as the one file that our images are made of. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { CodedError } from '../kit/errors.ts'
import type { ImageFile } from './oci-archive.ts'

/** `/bin/busybox` and a link to it for each applet. Rejects when the machine has no static busybox. */
export async function busyboxFiles(applets: string[], source = '/bin/busybox'): Promise<ImageFile[]> {
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
