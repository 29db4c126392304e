/** Speaks with a running QEMU over its QMP socket: one command after the other, events passed over. */
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { sleep, systemClock } from '../../kit/clock.ts'

/** What a disk of the guest has done since power-on. */
export interface DiskCounters {
  readBytes: number
  writtenBytes: number
  writes: number
  flushes: number
}

interface Reply {
  return?: unknown
  error?: { class: string; desc: string }
  id?: number
}

const connectTimeoutMs = 120_000
const replyTimeoutMs = 20_000
const retryMs = 50

export class Qmp {
  #socket: Socket
  #replies = new Map<number, (reply: Reply) => void>()
  #sent = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    // QEMU that is killed resets the connection: whoever still waits for a reply is told at 'close'.
    const ended = (): void => void socket.destroy()
    createInterface({ input: socket.on('error', ended) })
      .on('line', line => this.#read(line))
      .on('error', ended)
    socket.on('close', () => this.#giveUp())
  }

  /** QEMU makes the socket a moment after it has started. */
  static async connect(path: string): Promise<Qmp> {
    const deadline = systemClock.monotonic() + connectTimeoutMs
    for (;;) {
      const socket = await tryConnect(path)
      if (socket) {
        const qmp = new Qmp(socket)
        await qmp.execute('qmp_capabilities')
        return qmp
      }
      if (systemClock.monotonic() > deadline)
        throw new Error(`cannot speak with QEMU: because nobody listens at ${path}`)
      await sleep(systemClock, retryMs)
    }
  }

  async execute(command: string, words: Record<string, unknown> = {}): Promise<unknown> {
    if (this.#socket.destroyed) throw new Error(`QEMU cannot ${command}: because it has ended`)
    const id = ++this.#sent
    const { promise, resolve } = Promise.withResolvers<Reply>()
    this.#replies.set(id, resolve)
    const late = { error: { class: 'Timeout', desc: `no answer in ${replyTimeoutMs} ms` } }
    const cancel = systemClock.after(replyTimeoutMs, () => resolve(late))
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: words, id })}\n`)
    const reply = await promise
    cancel()
    this.#replies.delete(id)
    if (reply.error) throw new Error(`QEMU cannot ${command}: because ${reply.error.desc}`)
    return reply.return
  }

  /** Of all disks together: our machines have one. */
  async diskCounters(): Promise<DiskCounters> {
    const disks = (await this.execute('query-blockstats')) as Array<{ stats: Record<string, number> }>
    const sum = (name: string): number => disks.reduce((total, { stats }) => total + (stats[name] ?? 0), 0)
    return {
      readBytes: sum('rd_bytes'),
      writtenBytes: sum('wr_bytes'),
      writes: sum('wr_operations'),
      flushes: sum('flush_operations'),
    }
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(line: string): void {
    const reply = JSON.parse(line) as Reply
    if (reply.id !== undefined) this.#replies.get(reply.id)?.(reply)
  }

  #giveUp(): void {
    for (const resolve of this.#replies.values()) {
      resolve({ error: { class: 'Gone', desc: 'it has ended' } })
    }
  }
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise(resolve => {
    const socket = createConnection(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}
