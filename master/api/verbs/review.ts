/** review: may the asker, or whom he stands in for, do this? */
import { CodedError } from '../../../kit/errors.ts'
import type { Answer } from '../room.ts'

export async function runReview(): Promise<Answer> {
  throw new CodedError('ServiceUnavailable', 'cannot review: because nothing is authorized yet')
}
