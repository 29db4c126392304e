/** One Duplex over a process' stdin and stdout pipes, with back-pressure both ways and a stdin that can be closed alone. */
import { Duplex } from 'node:stream'
import type { PipeEnds } from './pipes.ts'

/** `closeStdin` tells the other side that no more will come; its failure means that nobody is left to tell. */
export function joinStdio({ stdin, stdout }: PipeEnds, closeStdin: () => Promise<void>): Duplex {
  const stdio = new Duplex({
    allowHalfOpen: true,
    autoDestroy: false,
    read: () => {
      stdout.resume()
    },
    write: (chunk: Buffer, _encoding, done) => {
      // Bytes for a process that has ended, or that has no stdin, go where the kernel sends them too: nowhere.
      if (!stdin || stdin.destroyed) done()
      else stdin.write(chunk, () => done())
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
