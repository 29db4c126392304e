/** What containerd says of a sandbox that ends in the middle of the question. Asked again, it has noticed. */
import { hasCode } from '../../kit/errors.ts'

/** Its shim has closed the connection; its network namespace has been taken down. */
const midway = /ttrpc: closed|check network namespace closed/

export async function askAgainMidway<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (hasCode(error, 'InternalError') && midway.test(error.message)) return ask()
    throw error
  }
}
