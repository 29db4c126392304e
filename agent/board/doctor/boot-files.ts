/** The text files of a running board's boot partition, wherever it is mounted. */
import type { BoardView } from './board-view.ts'

export interface BootFiles {
  mount: string
  /** Path relative to the mount. */
  read(path: string): string | undefined
}

/** Raspberry Pi OS since bookworm, and before. */
const mounts = ['/boot/firmware', '/boot']
const firmwareFiles = ['config.txt', 'cmdline.txt']
/** Our own images and Ubuntu's keep one folder for each system. */
const folders = ['', 'a/', 'b/', 'current/', 'new/', 'old/']

/** Undefined where no firmware of a Raspberry Pi reads its settings. */
export async function readBoot(view: Pick<BoardView, 'read'>): Promise<BootFiles | undefined> {
  for (const mount of mounts) {
    const names = folders.flatMap(folder => firmwareFiles.map(name => `${folder}${name}`))
    const texts = await Promise.all(names.map(async name => [name, await view.read(`${mount}/${name}`)] as const))
    const files = new Map(texts)
    if (files.get('config.txt') !== undefined) return { mount, read: path => files.get(path) }
  }
  return undefined
}
