/** Locks an open file as flock(2) does, which Node cannot. */
import type { FileHandle } from 'node:fs/promises'
import { CodedError, hasCode } from '../../../kit/errors.ts'
import { runTool } from './run-tool.ts'

/** The lock is the open file's and not the program's that takes it: it lasts until `file` is closed, or we die. Rejects with `Conflict`. */
export async function lockFile(file: FileHandle, path: string, patienceSeconds: number): Promise<void> {
  try {
    await runTool(['flock', '--exclusive', '--timeout', String(patienceSeconds), '3'], { fd: file.fd })
  } catch (error) {
    if (hasCode(error, 'NotFound')) throw error
    throw new CodedError(
      'Conflict',
      `cannot write to ${path}: because another program has locked it: another flash, or the system, which looks at what was just put in`,
      { cause: error },
    )
  }
}
