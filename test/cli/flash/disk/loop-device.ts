/** Loop devices for tests of what is written to drives: each is gone after its test, whatever happened. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'

const execute = promisify(execFile)
const places = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']

export interface LoopDevice {
  path: string
  /** The file behind it. */
  backing: string
}

/** Resolves to stdout. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, PATH: places.join(':'), LC_ALL: 'C' }
  return (await execute(program, args, { env, timeout: 60_000, maxBuffer: 2 ** 26 })).stdout
}

/** False, with the reason logged, where something is missing; on CI that is a failure instead. */
export function canUse(
  t: Pick<ExecutionContext, 'log' | 'pass' | 'fail'>,
  tools: string[],
  needsRoot = false,
): boolean {
  const missing = tools.filter(tool => !places.some(place => existsSync(`${place}/${tool}`)))
  const reasons = [...(needsRoot && process.getuid?.() !== 0 ? ['not root'] : []), ...missing.map(tool => `no ${tool}`)]
  if (reasons.length === 0) return true
  const message = `cannot be tried here: ${reasons.join(', ')}`
  if (process.env['CI']) t.fail(message)
  else t.pass(message)
  t.log(message)
  return false
}

export function canUseLoops(t: Pick<ExecutionContext, 'log' | 'pass' | 'fail'>, tools: string[] = []): boolean {
  return canUse(t, ['losetup', 'lsblk', 'blockdev', 'flock', ...tools], true)
}

export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-disk-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface LoopOptions {
  folder?: string
  /** Of losetup. */
  options?: string[]
}

/** Its backing file begins with noise, as a used card does. */
export async function createLoop(
  t: ExecutionContext,
  bytes: number,
  { folder, options = [] }: LoopOptions = {},
): Promise<LoopDevice> {
  const backing = join(folder ?? (await temporaryFolder(t)), `card-${process.hrtime.bigint()}`)
  const file = await open(backing, 'wx')
  await file.write(Buffer.alloc(Math.min(bytes, 2 ** 20), 0xa5), 0, undefined, 0)
  await file.truncate(bytes)
  await file.close()
  const path = (await run('losetup', ...options, '--show', '--find', backing)).trim()
  // Before the folder goes: ava runs the last teardown first.
  t.teardown(() => run('losetup', '--detach', path).catch(() => undefined))
  return { path, backing }
}
