/** What a board says on the join topics, checked: it comes from anybody who can reach the broker. */
import type { JoinRequest } from '../../contract/wire/join.ts'
import { asRecord } from '../../kit/bus/bad-messages.ts'
import { CodedError } from '../../kit/errors.ts'

const limits = { token: 128, name: 256, csr: 8 * 1024, certificate: 8 * 1024, nonce: 256, signature: 512 } as const

/** Throws `BadRequest`; its message repeats nothing of the request. */
export function readJoinRequest(body: unknown): JoinRequest {
  const record = asRecord(body)
  const text = (field: keyof typeof limits): string => {
    const value = record[field]
    if (typeof value === 'string' && value !== '' && value.length <= limits[field]) return value
    throw bad(`its ${field} is no text of at most ${limits[field]} characters`)
  }
  switch (record['type']) {
    case 'join':
      return { type: 'join', token: text('token'), name: text('name'), csr: text('csr') }
    case 'renew':
      return { type: 'renew', certificate: text('certificate'), nonce: text('nonce'), signature: text('signature') }
    case 'nonce':
      return { type: 'nonce' }
    default:
      throw bad('its type is none of join, renew, nonce')
  }
}

function bad(reason: string): CodedError {
  return new CodedError('BadRequest', `cannot read the join request: because ${reason}`)
}
