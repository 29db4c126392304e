/** Where a join line comes from: a file, a pipe, or a person who pastes it. Never the command line, which everybody on the board can read. */
import { open } from 'node:fs/promises'
import { type JoinTicket, parseTicket } from '../contract/wire/join.ts'
import { CodedError, messageOf } from '../kit/errors.ts'

export interface LineInput extends AsyncIterable<Buffer | string> {
  isTTY?: boolean
  setRawMode?(raw: boolean): unknown
  setEncoding?(encoding: BufferEncoding): unknown
  resume?(): unknown
  pause?(): unknown
  iterator?(options: { destroyOnReturn: boolean }): AsyncIterable<Buffer | string>
}

export interface LineSource {
  /** As typed: undefined or `-` for `input`. */
  file: string | undefined
  input: LineInput
  /** Shows the question to the person. */
  ask: (text: string) => void
}

/** A join line has at most 1024 characters; a file may have an empty line or two. */
const maxBytes = 4096
const interrupt = '\u0003'
const endOfInput = '\u0004'
const erase = ['\u007f', '\b']

/** Rejects with `BadRequest`, saying what to do; the line is never repeated. */
export async function readTicket({ file, input, ask }: LineSource): Promise<JoinTicket> {
  refuseLine(file)
  if (file !== undefined && file !== '-') return readTicketFile(file)
  if (file === undefined && input.isTTY) {
    ask('Paste what "flotilla token create" printed, then Enter (it is not shown): ')
    return parseTicket(await readUnseen(input).finally(() => ask('\n')))
  }
  return parseTicket(await readAll(input))
}

/** Rejects with `BadRequest`, naming the file. `cause` has `code` ENOENT when it is not there. */
export async function readTicketFile(path: string): Promise<JoinTicket> {
  let text: string
  try {
    const file = await open(path, 'r')
    try {
      text = await readAll(file.createReadStream({ autoClose: false }))
    } finally {
      await file.close()
    }
  } catch (error) {
    const why = `cannot read the join line in ${path}: because ${messageOf(error)}`
    throw new CodedError('BadRequest', why, { cause: error })
  }
  return parseTicket(text)
}

function refuseLine(argument: string | undefined): void {
  if (argument === undefined || !/^flotilla:\/\/|\?ca=sha256:/.test(argument)) return
  const why =
    'everybody on this board can read the arguments of a command, and your shell has written it to its history'
  const way = 'Run "flotilla join" and paste it when asked. If others use this board, make a new line first'
  throw new CodedError('BadRequest', `cannot take the join line as an argument: because ${why}. ${way}`)
}

async function readAll(input: AsyncIterable<Buffer | string>): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of input) {
    const part = Buffer.from(chunk as Buffer)
    bytes += part.length
    if (bytes > maxBytes)
      throw new CodedError('BadRequest', `cannot read the join line: because it is longer than ${maxBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** A terminal that shows nothing of what is typed, up to Enter. */
async function readUnseen(input: LineInput): Promise<string> {
  input.setRawMode?.(true)
  let text = ''
  try {
    for await (const chunk of input) {
      for (const key of chunk.toString()) {
        if (key === interrupt) throw new CodedError('BadRequest', 'cannot join: because it was interrupted')
        if (key === '\r' || key === '\n' || key === endOfInput) return text
        text = erase.includes(key) ? text.slice(0, -1) : text + key
        if (text.length > maxBytes)
          throw new CodedError(
            'BadRequest',
            `cannot read the join line: because it is longer than ${maxBytes} characters`,
          )
      }
    }
    return text
  } finally {
    input.setRawMode?.(false)
    input.pause?.()
  }
}
