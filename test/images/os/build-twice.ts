/** `node test/images/os/build-twice.ts [amd64|arm64]`: builds an image twice, as two people would, and compares the bytes. Some minutes long: for the night. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { systemClock } from '../../../kit/clock.ts'
import { messageOf } from '../../../kit/errors.ts'
import { firstDifference } from './first-difference.ts'

const root = resolve(import.meta.dirname, '../../..')
const [architecture = 'amd64'] = process.argv.slice(2)

process.exitCode = await main()

async function main(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-twice-'))
  const beganMs = systemClock.monotonic()
  try {
    const [first, second] = [join(folder, 'first'), join(folder, 'second', 'as', 'somebody', 'else')]
    await build(first, { umask: '022', timeZone: 'UTC', more: [] })
    // Of just the packages of the first: when the mirror has others by now, that is what is said.
    const more = ['--manifest', join(first, 'os', `flotilla-${architecture}.manifest`)]
    await build(second, { umask: '077', timeZone: 'Pacific/Kiritimati', more })
    const difference = await compare(first, second)
    const seconds = ((systemClock.monotonic() - beganMs) / 1000).toFixed(0)
    if (difference) say(`✘ the image for ${architecture}, built twice, is not the same: ${difference} (${seconds} s)`)
    else say(`✔ the image for ${architecture}, built twice, is the same byte by byte (${seconds} s)`)
    return difference ? 1 : 0
  } catch (error) {
    say(`✘ the image for ${architecture} was not built twice: ${messageOf(error)}`)
    return 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Builder {
  umask: string
  timeZone: string
  /** Further words. */
  more: string[]
}

/** Leaves what people get in `os`, and all that it was made of in `work`. */
async function build(folder: string, { umask, timeZone, more }: Builder): Promise<void> {
  const words = ['--arch', architecture, '--out', join(folder, 'os'), '--keep', join(folder, 'work'), ...more]
  const script = 'umask "$1"; shift; mkdir -p "$1"; shift; exec "$@"'
  const program = [process.execPath, join(root, 'images/os/build.ts'), ...words]
  const running = spawn('sh', ['-euc', script, 'sh', umask, join(folder, 'os'), ...program], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, TZ: timeZone },
  })
  const [status] = await once(running, 'exit')
  if (status !== 0) throw new Error(`images/os/build.ts ended with status ${status}`)
}

/** First to last as they are made of each other: the earliest that differs tells why the others do. */
async function compare(first: string, second: string): Promise<string | undefined> {
  const released = ['manifest', 'img.zst'].map(ending => `os/flotilla-${architecture}.${ending}`)
  const found = await firstDifference(first, second, released)
  if (!found) return undefined
  const stages = ['root', 'initrd.cpio', 'initrd', 'boot', 'boot.fat', 'root.erofs', `flotilla-${architecture}.img`]
  const work = (folder: string): string => join(folder, 'work', architecture)
  return (await firstDifference(work(first), work(second), stages)) ?? found
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
