/** Questions to the person at the terminal: a line, or one that is not shown. */
import { createInterface } from 'node:readline'
import { CodedError } from '../../kit/errors.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

const maxAnswer = 1024
const interrupt = '\u0003'
const endOfInput = '\u0004'
const erase = ['\u007f', '\b']

/** Whether somebody is there to answer. */
export function canAsk({ stdin }: Terminal): boolean {
  return stdin.isTTY === true
}

/** Trimmed; empty at the end of input. Rejects with the terminal's reason when it hangs up. Throws UsageError when nobody is there. */
export async function askLine(question: string, terminal: Terminal): Promise<string> {
  if (!canAsk(terminal)) throw new UsageError(`${question.trim()} Nobody is here to say so`)
  terminal.warn(question)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const lines = createInterface({ input: terminal.stdin })
  const onHangUp = (): void => reject(new Interrupted())
  terminal.hungUp.addEventListener('abort', onHangUp, { once: true })
  try {
    if (terminal.hungUp.aborted) throw new Interrupted()
    lines.once('line', resolve).once('close', () => resolve(''))
    return (await promise).trim().slice(0, maxAnswer)
  } finally {
    terminal.hungUp.removeEventListener('abort', onHangUp)
    lines.close()
  }
}

/** As typed, and not shown. */
export async function askUnseen(question: string, terminal: Terminal): Promise<string> {
  const { stdin, setRaw, warn, hungUp } = terminal
  warn(question)
  setRaw(true)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const typed = { text: '' }
  const take = (chunk: Buffer | string): void => {
    for (const key of String(chunk)) {
      if (key === interrupt) return reject(new Interrupted())
      if (key === '\r' || key === '\n' || key === endOfInput) return resolve(typed.text)
      typed.text = erase.includes(key) ? typed.text.slice(0, -1) : `${typed.text}${key}`.slice(0, maxAnswer)
    }
  }
  const end = (): void => resolve(typed.text)
  // Not by iterating: a stream that an earlier question has paused would stay so, and the process would end in silence.
  stdin.on('data', take).once('end', end).resume()
  const onHangUp = (): void => reject(new Interrupted())
  hungUp.addEventListener('abort', onHangUp, { once: true })
  try {
    if (hungUp.aborted) throw new Interrupted()
    return await promise
  } finally {
    hungUp.removeEventListener('abort', onHangUp)
    stdin.off('data', take).off('end', end).pause()
    setRaw(false)
    warn('\n')
  }
}

/** Ctrl-C, or a terminal that is gone: nobody need be told why. */
export class Interrupted extends CodedError {
  constructor() {
    super('Timeout', 'cannot go on: because it was interrupted')
    this.name = 'Interrupted'
  }
}
