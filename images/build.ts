/** Writes our own images where the program finds them: `node images/build.ts dist/images`. */
import { join } from 'node:path'
import { messageOf } from '../kit/errors.ts'
import { helloSpec } from './hello.ts'
import { localArchitecture, writeOciArchive } from './oci-archive.ts'
import { pauseSpec } from './pause.ts'

/** Makes `pause.tar` and `hello.tar` in `outDir`, for this machine's architecture. Resolves to their paths. */
export async function buildImages(outDir: string): Promise<string[]> {
  const architecture = localArchitecture()
  const specs = { pause: await pauseSpec(architecture), hello: await helloSpec(architecture) }
  const writing = Object.entries(specs).map(async ([name, spec]) => {
    const path = join(outDir, `${name}.tar`)
    await writeOciArchive({ ...spec, path })
    return path
  })
  return Promise.all(writing)
}

if (import.meta.main) {
  try {
    const paths = await buildImages(process.argv[2] ?? 'dist/images')
    process.stdout.write(`${paths.join('\n')}\n`)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exitCode = 1
  }
}
