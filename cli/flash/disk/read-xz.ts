/** Unpacks xz: by the program `xz`, which is fast and on every Debian, or without it by `xz-decompress`. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { XzReadableStream } from 'xz-decompress'
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
  }) as ChildProcessByStdio<null, Readable, Readable>
  const started = await Promise.race([once(child, 'spawn').then(() => true), once(child, 'error').then(() => false)])
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
  const packed = file.createReadStream({ start: 0, autoClose: false, highWaterMark: 256 * 1024 })
  const chunks = packed[Symbol.asyncIterator]()
  const source = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
  try {
    for await (const chunk of new XzReadableStream(source as never) as unknown as ReadableStream<Uint8Array>) {
      signal?.throwIfAborted()
      yield chunk
    }
  } finally {
    packed.destroy()
  }
}
