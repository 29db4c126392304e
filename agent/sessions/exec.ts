/** exec: a process in a container, its bytes as frames both ways. */
import type { ExitFrame, NodeRequest } from '../../contract/wire/node-request.ts'
import { type FrameStream, readBytesFrame } from '../../kit/bus/stream.ts'
import { CodedError, hasCode } from '../../kit/errors.ts'
import type { ExecSession, Runtime } from '../runtime/runtime.ts'
import { findAttempts } from './find-container.ts'
import { readControlFrame } from './read-node-request.ts'

type ExecRequest = Extract<NodeRequest, { verb: 'exec' }>

/** Starts the process; what it resolves to carries its bytes until it ends. Rejects when the container does not run. */
export async function startExec(
  runtime: Runtime,
  { pod, container, options }: ExecRequest,
): Promise<(stream: FrameStream) => Promise<void>> {
  const [current] = await findAttempts(runtime, pod, container)
  if (current?.state !== 'running') {
    throw new CodedError('BadRequest', `cannot run a command: because container ${container} is not running`)
  }
  const { command, stdin = false, tty = false, size } = options
  const session = await runtime.exec(current.id, { command, stdin, tty })
  if (size) session.resize(size.columns, size.rows)
  return stream => carry(stream, session)
}

async function carry(stream: FrameStream, session: ExecSession): Promise<void> {
  void stream.closed.then(() => session.close())
  void readInput(stream, session)
  try {
    await Promise.all([sendOutput(stream, 'stdout', session.stdio), sendOutput(stream, 'stderr', session.stderr)])
    await stream.send({ exit: await session.exit } satisfies ExitFrame)
  } finally {
    session.close()
  }
}

/** Reading waits for the stream: a slow terminal slows the process, and nothing piles up here. */
async function sendOutput(
  stream: FrameStream,
  channel: 'stdout' | 'stderr',
  from: NodeJS.ReadableStream,
): Promise<void> {
  for await (const chunk of from) await stream.sendBytes(channel, chunk as Buffer)
}

async function readInput(stream: FrameStream, session: ExecSession): Promise<void> {
  try {
    for await (const frame of stream.frames) {
      const bytes = readBytesFrame(frame)
      if (bytes?.channel === 'stdin') await write(session, bytes.data)
      else takeControl(frame, session)
    }
  } catch (error) {
    // Else the client went away, or the process no longer reads: `stream.closed` and `session.exit` tell the rest.
    if (hasCode(error, 'BadRequest')) await stream.end(error)
  }
}

function takeControl(frame: unknown, session: ExecSession): void {
  const control = readControlFrame(frame)
  if ('eof' in control) session.stdio.end()
  else session.resize(control.resize.columns, control.resize.rows)
}

async function write(session: ExecSession, data: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    session.stdio.write(data, error => (error ? reject(error) : resolve()))
  })
}
