/** Writes our container images where the program finds them: `node images/build.ts [dist/images [ARCHITECTURE]]`. */
import { join } from 'node:path'
import { messageOf } from '../kit/errors.ts'
import { localBusybox, withBusyboxOf } from './busybox.ts'
import { helloSpec } from './hello.ts'
import { localArchitecture, writeOciArchive } from './oci-archive.ts'
import { pauseSpec } from './pause.ts'

/** Makes `pause.tar` and `hello.tar` in `outDir`, by this machine's busybox, or of another architecture. Resolves to their paths. */
export async function buildImages(outDir: string, architecture?: string): Promise<string[]> {
  if (architecture === undefined) return writeImages(outDir, localArchitecture(), localBusybox)
  return withBusyboxOf(architecture, busybox => writeImages(outDir, architecture, busybox))
}

async function writeImages(outDir: string, architecture: string, busybox: string): Promise<string[]> {
  const specs = { pause: await pauseSpec(architecture, busybox), hello: await helloSpec(architecture, busybox) }
  const writing = Object.entries(specs).map(async ([name, spec]) => {
    const path = join(outDir, `${name}.tar`)
    await writeOciArchive({ ...spec, path })
    return path
  })
  return Promise.all(writing)
}

if (import.meta.main) {
  try {
    const paths = await buildImages(process.argv[2] ?? 'dist/images', process.argv[3])
    process.stdout.write(`${paths.join('\n')}\n`)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exitCode = 1
  }
}
