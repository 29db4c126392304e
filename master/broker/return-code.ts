/** What CONNACK says of a refusal (MQTT 3.1.1, table 3.1): one number, which clients draw their conclusions from. */
import type { RefusalReason } from './policy.ts'

type ReturnCode = 2 | 3 | 4 | 5

const returnCodes: Partial<Record<RefusalReason, ReturnCode>> = {
  'client-id': 2,
  // Its certificate is good: it shall not ask for another, but wait until the place is free.
  twin: 2,
  // Come again: who may come at all is not the question.
  'too-many-connections': 3,
  rate: 3,
  'bad-token': 4,
}
const notAuthorized = 5

export function returnCodeOf(reason: RefusalReason): ReturnCode {
  return returnCodes[reason] ?? notAuthorized
}
