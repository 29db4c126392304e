/** Runs the tools that put the program together. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { CodedError, messageOf } from '../../kit/errors.ts'

export interface ToolOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  timeoutMs?: number
}

/** Resolves to its stdout; rejects with what it wrote to stderr. */
export async function runTool(tool: string, words: string[], options: ToolOptions = {}): Promise<string> {
  const { timeoutMs = 120_000, ...rest } = options
  try {
    const { stdout } = await promisify(execFile)(tool, words, {
      ...rest,
      timeout: timeoutMs,
      maxBuffer: 16 * 1024 * 1024,
    })
    return stdout
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: unknown }
    const why = code === 'ENOENT' ? 'it is not installed' : stderr?.trim() || messageOf(error)
    throw new CodedError('InternalError', `cannot run ${tool}: because ${why}`, { cause: error })
  }
}
