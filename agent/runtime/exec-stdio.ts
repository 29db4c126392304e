/** One Duplex over a process' stdin and stdout pipes, with back-pressure both ways and a stdin that can be closed alone. */
import { Duplex } from 'node:stream'
import type { PipeEnds } from './pipes.ts'

export interface StdinHooks {
  /** Bytes wait for what it gives. */
  beforeWrite(): Promise<void> | undefined
  /** Tells the other side that no more will come. */
  closeStdin(): Promise<void>
}

export function joinStdio({ stdin, stdout }: PipeEnds, { beforeWrite, closeStdin }: StdinHooks): Duplex {
  const write = async (chunk: Buffer): Promise<void> => {
    await beforeWrite()
    // Bytes for a process that has ended, or that has no stdin, go where the kernel sends them too: nowhere.
    if (stdin && !stdin.destroyed) await new Promise<void>(resolve => stdin.write(chunk, () => resolve()))
  }
  const stdio = new Duplex({
    allowHalfOpen: true,
    autoDestroy: false,
    read: () => {
      stdout.resume()
    },
    write: (chunk: Buffer, _encoding, done) => {
      write(chunk).then(() => done(), done)
    },
    final: done => {
      stdin?.destroy()
      closeStdin().then(() => done(), done)
    },
  })
  stdout.on('data', chunk => {
    if (!stdio.push(chunk)) stdout.pause()
  })
  stdout.once('close', () => stdio.push(null))
  stdout.pause()
  // A broken pipe is the end of the stream: the exit code says what happened.
  stdout.on('error', () => stdout.destroy())
  stdin?.on('error', () => stdin.destroy())
  return stdio
}
