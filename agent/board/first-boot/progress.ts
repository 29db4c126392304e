/** How far a board's first start came, in a file that is whole or as it was: after a power cut it goes on from there. */
import { dirname } from 'node:path'
import { onBoard } from '../../../contract/card/card-places.ts'
import { type Disk, putFile } from '../disk.ts'

export interface Progress {
  /** Names of the steps that are done. */
  done: string[]
  /** SHA-256 of the card's settings by which they were done, hexadecimal. */
  card?: string
  /** RFC 3339, by the board's clock: all is done. */
  finished?: string
}

const formatVersion = 1
const maxSteps = 64

/** Nothing is done when there is no file, or none that can be read: each step may be done twice. */
export async function readProgress(disk: Disk): Promise<Progress> {
  const text = await disk.read(onBoard.firstBoot)
  try {
    const { version, done, card, finished } = JSON.parse(text ?? '{}') as Record<string, unknown>
    if (version !== formatVersion || !Array.isArray(done)) return { done: [] }
    const names = done.slice(0, maxSteps).filter(name => typeof name === 'string')
    return {
      done: names,
      ...(typeof card === 'string' && { card }),
      ...(typeof finished === 'string' && { finished }),
    }
  } catch {
    // A card rots, and a half-written file of somebody else's is no reason not to start.
    return { done: [] }
  }
}

export async function writeProgress(disk: Disk, progress: Progress): Promise<void> {
  await disk.makeDirectory(dirname(onBoard.firstBoot), 0o711)
  const content = `${JSON.stringify({ version: formatVersion, ...progress })}\n`
  // Root's alone: from the hash of a card whose other settings are known, a weak passphrase of the wifi could be guessed.
  await putFile(disk, onBoard.firstBoot, { content, mode: 0o600 })
}
