/** Whether an error that ended a connection was the client's doing. */
import { hasCode } from '../../kit/errors.ts'
import type { RefusalReason } from './policy.ts'

/** Undefined when the wire broke, or nobody is to blame. */
export function faultOf(error: NodeJS.ErrnoException): RefusalReason | undefined {
  if (hasCode(error, 'RequestEntityTooLarge')) return 'too-large'
  if (hasCode(error, 'TooManyRequests')) return 'rate'
  const { code } = error
  // The parser's, and aedes', have no code: all of them say that it is not MQTT, or not in this order.
  if (code === undefined || hasCode(error, 'BadRequest')) return 'malformed'
  if (code === 'ERR_TLS_RENEGOTIATION_DISABLED') return 'renegotiation'
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 'too-large'
  if (code.startsWith('WS_ERR_')) return 'malformed'
  return code.startsWith('ERR_SSL_') ? 'tls' : undefined
}
