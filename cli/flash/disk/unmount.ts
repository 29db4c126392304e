/** Takes a drive's file systems out of use, so that it can be written. */

import { CodedError, messageOf } from '../../../kit/errors.ts'
import type { Drive } from './drive.ts'
import { mountsOf } from './refusals.ts'
import { runTool } from './run-tool.ts'

/** Rejects with `Conflict` when a program still uses one of them. What could be unmounted stays unmounted. */
export async function unmountDrive(drive: Drive): Promise<void> {
  for (const mount of mountsOf(drive))
    try {
      await runTool(['umount', '--', mount])
    } catch (error) {
      const remedy = `close what uses it (\`fuser -vm ${mount}\` names it) and try again`
      throw new CodedError(
        'Conflict',
        `cannot write to ${drive.path}: because ${mount} is mounted and cannot be unmounted (${messageOf(error)}): ${remedy}`,
        { cause: error },
      )
    }
}
