/** A command used in a way that it does not have: exit status 2, where what went wrong on the way is 1. */
import { CodedError } from '../kit/errors.ts'

export class UsageError extends CodedError {
  constructor(message: string) {
    super('BadRequest', message)
    this.name = 'UsageError'
  }
}
