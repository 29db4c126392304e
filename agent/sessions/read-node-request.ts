/** Checks what comes from the wire before anything is done with it: requests of this node, and the frames of an exec. */
import type { NodeRequest } from '../../contract/wire/node-request.ts'
import { asRecord } from '../../kit/bus/bad-messages.ts'
import { CodedError } from '../../kit/errors.ts'

type Check = (value: unknown) => boolean
type Checks = Record<string, [check: Check, expected: string]>

const flag: [Check, string] = [value => typeof value === 'boolean', 'true or false']

const logOptions: Checks = {
  follow: flag,
  previous: flag,
  timestamps: flag,
  tailLines: [value => Number.isSafeInteger(value) && (value as number) >= 0, 'a whole number of lines'],
  sinceSeconds: [value => Number.isFinite(value) && (value as number) >= 0, 'a number of seconds'],
}
const execOptions: Checks = {
  stdin: flag,
  tty: flag,
  size: [isSize, 'columns and rows'],
}

/** Throws `BadRequest`, which names what is wrong. */
export function readNodeRequest(body: unknown): NodeRequest {
  const { verb, pod, container, options } = asRecord(body)
  if (verb === 'report') return { verb }
  if (verb !== 'logs' && verb !== 'exec') throw bad(`${JSON.stringify(verb)?.slice(0, 80)} is not a verb of a node`)
  const target = asRecord(pod)
  for (const field of ['namespace', 'name', 'uid']) {
    if (typeof target[field] !== 'string') throw bad(`pod.${field} must be a string`)
  }
  if (typeof container !== 'string') throw bad('container must be a string')
  const given = asRecord(options)
  if (verb === 'exec' && !isWords(given['command'])) throw bad('options.command must be a list of words')
  for (const [name, [check, expected]] of Object.entries(verb === 'logs' ? logOptions : execOptions)) {
    if (given[name] !== undefined && !check(given[name])) throw bad(`options.${name} must be ${expected}`)
  }
  return { verb, pod: target, container, options: given } as unknown as NodeRequest
}

/** A frame that is no bytes: the end of stdin, or the terminal's new size. Throws `BadRequest` for any other. */
export function readControlFrame(frame: unknown): { eof: true } | { resize: { columns: number; rows: number } } {
  const { eof, resize } = asRecord(frame)
  if (eof === true) return { eof }
  if (isSize(resize)) return { resize }
  throw bad('a frame is neither input nor its end nor a size')
}

/** As large as the kernel keeps it (ioctl_tty(2), `struct winsize`). */
const maxSize = 65_535

function isSize(value: unknown): value is { columns: number; rows: number } {
  if (typeof value !== 'object' || value === null) return false
  const { columns, rows } = value as Record<string, unknown>
  return [columns, rows].every(count => Number.isSafeInteger(count) && Number(count) >= 0 && Number(count) <= maxSize)
}

function isWords(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(word => typeof word === 'string')
}

function bad(reason: string): CodedError {
  return new CodedError('BadRequest', `cannot read a request: because ${reason}`)
}
