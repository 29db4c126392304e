/** The files of this program that flash needs: firmware-config's, and FatFs. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Assets, folderAssets } from '../../kit/assets.ts'

export function programFiles(): Assets {
  const here = dirname(fileURLToPath(import.meta.url))
  const root = [join(here, '..', '..'), join(here, '..', 'assets')].find(folder =>
    existsSync(join(folder, 'firmware-config')),
  )
  return folderAssets(root ?? join(here, '..', '..'))
}
