/** The few words of shell that the fake runtime understands, so that one test drives it and a real container alike. */
import { Duplex, PassThrough, Readable } from 'node:stream'
import type { ExecRequest, ExecSession } from './runtime.ts'

export interface FakeScript {
  /** From `exit N`, after the sum of the `sleep S` before it; without it the process runs until it is stopped. */
  exit?: { code: number; afterMs: number }
  /** From `trap "exit N" TERM`; without it PID 1 is deaf to SIGTERM, as in a real container. */
  onTerminate?: number
}

export function readScript(command: string[]): FakeScript {
  const text = command.at(-1) ?? ''
  const trap = text.match(/trap ["']exit (\d+)["'] TERM/)
  const rest = text.replace(trap?.[0] ?? '', '')
  const exit = rest.match(/(?:^|[\s;])exit (\d+)\s*$/)
  const seconds = [...rest.matchAll(/sleep ([\d.]+)/g)].reduce((sum, [, number]) => sum + Number(number), 0)
  return {
    ...(exit && { exit: { code: Number(exit[1]), afterMs: seconds * 1000 } }),
    ...(trap && { onTerminate: Number(trap[1]) }),
  }
}

/** `cat` gives stdin back and ends with it, `echo WORDS` says them; an `exit N` at the end is obeyed. */
export function runFakeExec({ command }: ExecRequest): ExecSession {
  const text = command.at(-1) ?? ''
  const code = readScript(command).exit?.code ?? 0
  const stdio = /(^|\s)cat(;|$)/.test(text) ? new PassThrough() : sayOnly(text.match(/echo ([^;]*)/)?.[1])
  const closed = Promise.withResolvers<number>()
  stdio.once('end', () => closed.resolve(code))
  if (!(stdio instanceof PassThrough)) closed.resolve(code)
  const close = (): void => {
    closed.resolve(128 + 9)
    stdio.destroy()
  }
  return { stdio, stderr: Readable.from([]), resize: () => undefined, exit: closed.promise, close }
}

function sayOnly(words: string | undefined): Duplex {
  const output = words === undefined ? [] : [Buffer.from(`${words.trim()}\n`)]
  return Duplex.from({ readable: Readable.from(output, { objectMode: false }), writable: new PassThrough().resume() })
}
