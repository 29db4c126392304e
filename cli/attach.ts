/** Ties this terminal to a process elsewhere: keys go up, output comes down, the exit status comes last. */
import type { InputFrame } from '../contract/wire/node-request.ts'
import { type FrameStream, readBytesFrame } from '../kit/bus/stream.ts'
import { CodedError } from '../kit/errors.ts'
import type { Terminal } from './terminal.ts'

export interface AttachOptions {
  terminal: Terminal
  stdin: boolean
  tty: boolean
}

/** Resolves to the exit status. Rejects when the stream ended before the process did. */
export async function attach(stream: FrameStream, { terminal, stdin, tty }: AttachOptions): Promise<number> {
  const undo: Array<() => void> = []
  try {
    // Raw: Ctrl-C is a byte for the process there, not a signal for us.
    if (tty) undo.push(setRaw(terminal))
    if (tty) undo.push(terminal.onResize(() => sendSize(stream, terminal)))
    if (stdin) undo.push(pipeInput(stream, terminal))
    return await pipeOutput(stream, terminal)
  } finally {
    for (const step of undo.reverse()) step()
    await stream.end()
  }
}

async function pipeOutput(stream: FrameStream, terminal: Terminal): Promise<number> {
  for await (const frame of stream.frames) {
    const bytes = readBytesFrame(frame)
    if (bytes) await terminal.write(bytes.channel === 'stderr' ? 'stderr' : 'stdout', bytes.data)
    const exit = exitOf(frame)
    if (exit !== undefined) return exit
  }
  if (terminal.hungUp.aborted) return 0
  throw new CodedError('InternalError', 'cannot tell the exit status: because the stream ended before the process did')
}

/** Reads no faster than the other side takes it. */
function pipeInput(stream: FrameStream, { stdin }: Terminal): () => void {
  // In one line: the end is told while the last bytes are still on their way.
  let sent: Promise<unknown> = Promise.resolve()
  const onData = (data: Buffer): void => {
    stdin.pause()
    sent = sent.then(() => stream.sendBytes('stdin', Buffer.from(data))).then(() => stdin.resume(), ignoreEnded)
  }
  const onEnd = (): void => {
    sent = sent.then(() => send(stream, { c: 'stdin', eof: true }))
  }
  stdin.on('data', onData).on('end', onEnd).resume()
  return () => {
    // Paused, an idle terminal does not keep the program alive.
    stdin.off('data', onData).off('end', onEnd).pause()
  }
}

function setRaw(terminal: Terminal): () => void {
  if (!terminal.stdin.isTTY) return () => undefined
  terminal.setRaw(true)
  return () => terminal.setRaw(false)
}

function sendSize(stream: FrameStream, terminal: Terminal): void {
  const size = terminal.size()
  if (size) void send(stream, { resize: size })
}

function send(stream: FrameStream, frame: InputFrame): Promise<void> {
  return stream.send(frame).catch(ignoreEnded)
}

/** The stream's end is told to whoever reads its output; what we wanted to send is of no use any more. */
const ignoreEnded = (): void => undefined

function exitOf(frame: unknown): number | undefined {
  const { exit } = (typeof frame === 'object' && frame !== null ? frame : {}) as { exit?: unknown }
  return typeof exit === 'number' ? exit : undefined
}
