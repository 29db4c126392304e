/**
 * Processes in running containers, by containerd's task service and named pipes. CRI's own exec streams over WebSocket
 * cannot close stdin alone and leave the process behind when the stream breaks; this way does both, lives through a
 * restart of containerd, and opens no port.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type Clock, sleep } from '../../kit/clock.ts'
import { CodedError, hasCode, messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { Random } from '../../kit/random.ts'
import { joinStdio } from './exec-stdio.ts'
import { closePipes, makePipes, type PipeEnds, removePipes } from './pipes.ts'
import type { ExecRequest, ExecSession } from './runtime.ts'
import { type OciProcess, type ProcessId, signals, type Tasks } from './tasks.ts'

export interface ExecOptions {
  tasks: Tasks
  clock: Clock
  log: Log
  random: Random
  /** Ours alone: one directory a session, named `<container>.<exec>`, so that a later agent knows what was left behind. */
  directory: string
}

/** Between the hang-up and SIGKILL. */
const hangUpMs = 2_000
/** Output that a dead process' children still hold open is waited for while some comes, and no longer than so. */
const drainQuietMs = 1_000
const maxDrainMs = 60_000
const waitRetryMs = 500
/** What containerd itself says of an end that it has not seen. */
const unknownExit = 255

export class ExecSessions {
  #options: ExecOptions
  #open = new Set<OpenSession>()
  /** Begins the names of our own sessions, which a sweep must spare from before they are open until after they ended. */
  #prefix: string
  #count = 0

  constructor(options: ExecOptions) {
    this.#options = options
    this.#prefix = `flotilla-${options.random.suffix(8)}-`
  }

  async start(containerId: string, request: ExecRequest): Promise<ExecSession> {
    const { tasks, directory } = this.#options
    const id = { containerId, execId: `${this.#prefix}${++this.#count}` }
    const process = withCommand(await tasks.processOf(containerId), request)
    const place = join(directory, `${containerId}.${id.execId}`)
    const pipes = await makePipes(place, { stdin: request.stdin, stderr: !request.tty })
    try {
      await tasks.start(id, process, pipes.paths)
    } catch (error) {
      await tasks.remove(id).catch(() => undefined) // it may not even have been registered
      closePipes(pipes)
      await removePipes(place)
      throw startError(request.command, error)
    }
    const session = new OpenSession(this.#options, id, { pipes, place, tty: request.tty })
    this.#open.add(session)
    void session.ended.then(() => this.#open.delete(session))
    return session
  }

  /** Ends what the sessions of an agent that died left running. */
  async sweep(): Promise<void> {
    const { tasks, directory } = this.#options
    // No directory: no session was ever opened here.
    for (const name of await readdir(directory).catch(() => [])) {
      const [containerId = '', execId = ''] = name.split('.')
      if (execId.startsWith(this.#prefix)) continue
      await tasks.kill({ containerId, execId }, signals.kill)
      await tasks.remove({ containerId, execId })
      await removePipes(join(directory, name))
    }
  }

  /** Ends all sessions and their processes. */
  async close(): Promise<void> {
    const sessions = [...this.#open]
    for (const session of sessions) session.close()
    await Promise.all(sessions.map(session => session.ended))
  }
}

class OpenSession implements ExecSession {
  readonly stdio
  readonly stderr
  readonly exit: Promise<number>
  /** Resolves when the process is gone, its output read, and the pipes removed. */
  readonly ended: Promise<void>
  #options: ExecOptions
  #id: ProcessId
  #pipes: PipeEnds
  #closing = new AbortController()
  #exited = false
  #endSeen = false
  #wantedSize: { columns: number; rows: number } | undefined
  #resizing: Promise<void> | undefined

  constructor(options: ExecOptions, id: ProcessId, io: { pipes: PipeEnds; place: string; tty: boolean }) {
    this.#options = options
    this.#id = id
    this.#pipes = io.pipes
    // What is typed after a resize shall see the new size.
    this.stdio = joinStdio(io.pipes, { beforeWrite: () => this.#resizing, closeStdin: () => this.#closeStdin(io.tty) })
    this.stderr = io.pipes.stderr ?? Readable.from([])
    io.pipes.stderr?.on('error', () => io.pipes.stderr?.destroy())
    this.exit = this.#wait()
    this.ended = this.#end(io.place)
  }

  resize(columns: number, rows: number): void {
    this.#wantedSize = { columns, rows }
    this.#resizing ??= this.#applySize()
  }

  close(): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    if (!this.#exited) this.#hangUp().catch(this.#report('cannot end a process that a session left'))
  }

  /** One at a time and only the newest: a window that is being dragged sends many. */
  async #applySize(): Promise<void> {
    for (let size = this.#wantedSize; size; size = this.#wantedSize) {
      this.#wantedSize = undefined
      const { columns, rows } = size
      await this.#options.tasks.resize(this.#id, columns, rows).catch(this.#report('cannot resize a terminal'))
    }
    this.#resizing = undefined
  }

  /** A shell with a terminal ends by the hang-up and passes it on; whatever is deaf to it is killed. */
  async #hangUp(): Promise<void> {
    const { tasks, clock } = this.#options
    await tasks.kill(this.#id, signals.hangUp)
    const gone = new AbortController()
    void this.exit.then(() => gone.abort())
    await sleep(clock, hangUpMs, gone.signal).catch(() => undefined) // aborted: it is gone
    if (!gone.signal.aborted) await tasks.kill(this.#id, signals.kill)
  }

  /** A terminal has no end of input: there it is a character (Ctrl-D) that whoever types sends. */
  async #closeStdin(tty: boolean): Promise<void> {
    if (tty) return
    await this.#options.tasks.closeStdin(this.#id).catch(this.#report('cannot close a stdin'))
  }

  /** The process lives on when containerd is restarted: ask until there is an answer. 255 when nobody can know it. */
  async #wait(): Promise<number> {
    const { tasks, clock } = this.#options
    for (;;) {
      try {
        const code = await tasks.wait(this.#id)
        this.#endSeen = true
        return code
      } catch (error) {
        this.#endSeen = !hasCode(error, 'ServiceUnavailable')
        if (this.#endSeen || this.#closing.signal.aborted) return unknownExit
        await sleep(clock, waitRetryMs)
      }
    }
  }

  async #end(place: string): Promise<void> {
    await this.exit
    this.#exited = true
    await this.#drain()
    await this.#options.tasks.remove(this.#id).catch(this.#report('cannot forget an ended process'))
    closePipes(this.#pipes)
    // Closed while containerd was away: the directory tells the next agent that a process may be left.
    if (this.#endSeen) await removePipes(place)
  }

  async #drain(): Promise<void> {
    const { clock } = this.#options
    const { stdout, stderr } = this.#pipes
    const untilMs = clock.monotonic() + maxDrainMs
    const closed = new AbortController()
    const check = (): void => {
      if (stdout.closed && stderr?.closed !== false) closed.abort()
    }
    for (const end of [stdout, stderr]) end?.once('close', check)
    check()
    const bytesRead = (): number => stdout.bytesRead + (stderr?.bytesRead ?? 0)
    const stop = AbortSignal.any([closed.signal, this.#closing.signal])
    for (let before = -1; !stop.aborted && clock.monotonic() < untilMs; ) {
      // A slow reader is not a quiet process.
      if (bytesRead() === before && !stdout.isPaused()) return
      before = bytesRead()
      await sleep(clock, drainQuietMs, stop).catch(() => undefined) // aborted: nothing is left to read
    }
  }

  #report(message: string): (error: unknown) => void {
    return error => this.#options.log.debug(message, { error, ...this.#id })
  }
}

function withCommand(process: OciProcess, { command, tty }: ExecRequest): OciProcess {
  const env = process.env ?? []
  const knowsTerminal = env.some(variable => variable.startsWith('TERM='))
  return { ...process, args: command, terminal: tty, env: tty && !knowsTerminal ? [...env, 'TERM=xterm'] : env }
}

function startError(command: string[], error: unknown): CodedError {
  const reason = messageOf(error).replace(/^cannot call \S+: because /, '')
  const failed = hasCode(error, 'ServiceUnavailable', 'Timeout') ? error.code : 'BadRequest'
  // The container is known, or we would not be here: what was not found is its running process.
  const code = hasCode(error, 'NotFound', 'Conflict') ? 'Conflict' : failed
  return new CodedError(code, `cannot run ${command[0]}: because ${reason}`, { cause: error })
}
