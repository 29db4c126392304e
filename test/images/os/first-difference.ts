/** Where two folders first differ, in words: a file of a tree before the disk that it lies in, since that tells more. */
import { createHash } from 'node:crypto'
import { createReadStream, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const chunkBytes = 1 << 20

/** Compares `names`, files or trees of files, in this order. A sentence, or undefined where all are the same. */
export async function firstDifference(
  one: string,
  other: string,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) {
    const found = await differenceBelow(join(one, name), join(other, name))
    if (found) return `${name}${found}`
  }
  return undefined
}

async function differenceBelow(one: string, other: string): Promise<string | undefined> {
  const names = new Set(['', ...[one, other].flatMap(top => listBelow(top))])
  for (const name of [...names].sort()) {
    const [first, second] = [join(one, name), join(other, name)]
    const [here, there] = [describe(first), describe(second)]
    const label = name === '' ? '' : `/${name}`
    if (here !== there) return `${label}: ${here} in the first, ${there} in the second`
    if (here.startsWith('file') && (await sha256(first)) !== (await sha256(second)))
      return `${label}${await byteDifference(first, second)}`
  }
  return undefined
}

/** Not by Node's `recursive`, which goes through links. */
function listBelow(top: string, below = ''): string[] {
  const path = join(top, below)
  if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return []
  return readdirSync(path).flatMap(name => [join(below, name), ...listBelow(top, join(below, name))])
}

/** What a file system keeps of it but for its age, which the image sets. */
function describe(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return 'missing'
  const { mode, uid, gid, size } = found
  const owner = `${(mode & 0o7777).toString(8)} ${uid}:${gid}`
  if (found.isSymbolicLink()) return `link to ${readlinkSync(path)}`
  return found.isFile() ? `file ${owner}, ${size} bytes` : `folder ${owner}`
}

async function byteDifference(one: string, other: string): Promise<string> {
  const files = await Promise.all([open(one), open(other)])
  try {
    const chunk = async (at: number, index: 0 | 1): Promise<Buffer> => {
      const { buffer, bytesRead } = await files[index].read(Buffer.alloc(chunkBytes), 0, chunkBytes, at)
      return buffer.subarray(0, bytesRead)
    }
    for (let at = 0; ; at += chunkBytes) {
      const [here, there] = await Promise.all([chunk(at, 0), chunk(at, 1)])
      const offset = here.findIndex((byte, index) => byte !== there[index])
      if (offset >= 0 || here.length !== there.length) return `: at byte ${at + (offset < 0 ? here.length : offset)}`
      if (here.length === 0) return ': nowhere'
    }
  } finally {
    await Promise.all(files.map(file => file.close()))
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
