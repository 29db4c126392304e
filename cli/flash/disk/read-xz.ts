/** Unpacks xz: by the program `xz`, which is fast and on every Debian, or without it by `xz-decompress`. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import xzDecompress from 'xz-decompress'
import { streamRange } from './file-range.ts'
import { toolEnvironment } from './run-tool.ts'

export interface ReadXzOptions {
  signal?: AbortSignal | undefined
  program?: string
}

/** Throws what xz says is wrong with the file. */
export async function* readXz(file: FileHandle, { signal, program = 'xz' }: ReadXzOptions): AsyncGenerator<Uint8Array> {
  // The open file becomes its stdin: whatever its name is, and whoever replaces it meanwhile.
  const child = spawn(program, ['--decompress', '--stdout', '--quiet'], {
    stdio: [file.fd, 'pipe', 'pipe'],
    env: toolEnvironment,
    // Ctrl-C goes to all that the terminal runs; xz would end before we know why, and the image look damaged.
    detached: true,
  }) as ChildProcessByStdio<null, Readable, Readable>
  const started = await once(child, 'spawn').then(
    () => true,
    () => false,
  )
  if (!started) return yield* readByLibrary(file, signal)
  const ended = once(child, 'close')
  const said: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.length < 100 && said.push(text))
  const stop = (): boolean => child.kill('SIGKILL')
  signal?.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array
    const [status] = await ended
    signal?.throwIfAborted()
    if (status !== 0) throw new Error(lastLine(said.join('')) || `xz ended with status ${status}`)
  } finally {
    signal?.removeEventListener('abort', stop)
    stop()
    await ended
  }
}

/** `xz: (stdin): Compressed data is corrupt` without what we know. */
function lastLine(said: string): string {
  const line = said.trim().split('\n').at(-1) ?? ''
  return line.replace(/^xz: (\(stdin\): )?/, '')
}

async function* readByLibrary(file: FileHandle, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const { size: end } = await file.stat()
  const packed = streamRange(file, { start: 0, end })
  const source = Readable.toWeb(packed)
  try {
    for await (const chunk of new xzDecompress.XzReadableStream(
      source as never,
    ) as unknown as ReadableStream<Uint8Array>) {
      signal?.throwIfAborted()
      yield chunk
    }
  } finally {
    packed.destroy()
  }
}
