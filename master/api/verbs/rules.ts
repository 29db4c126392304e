/** rules: all that the asker, or whom he stands in for, may do in a namespace. */
import { CodedError } from '../../../kit/errors.ts'
import type { Answer } from '../room.ts'

export async function runRules(): Promise<Answer> {
  throw new CodedError('ServiceUnavailable', 'cannot list rules: because nothing is authorized yet')
}
