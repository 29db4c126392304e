/** `lab down`: ends a lab in whatever state it is, also after a crash or a reboot, and looks whether anything is left. */
import { existsSync } from 'node:fs'
import { readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../kit/clock.ts'
import { CodedError } from '../../kit/errors.ts'
import { killCgroup, listProcesses, removeCgroup } from './cgroups.ts'
import { type Layout, labLayout, runRoot } from './layout.ts'
import { listMounts } from './mounts.ts'
import { run } from './run.ts'
import { readState } from './state.ts'

/** What a lab makes in its folder; the rest there is not ours. */
const ours = /^(master|board-\d+|config\.yaml|state\.json(\.part)?|relay\.log)$/

export interface Removed {
  processes: number
  mounts: number
  cgroups: number
  files: number
}

/** Undefined when there was no trace of a lab. */
export async function bringDown(dir: string, clock: Clock): Promise<Removed | undefined> {
  const layout = labLayout(dir)
  // Names say what is the lab's; what it remembers may be lost or half written.
  const state = await readState(layout).catch(() => undefined)
  const hadFiles = existsSync(layout.stateFile)
  const processes = await killCgroup(layout.cgroup, clock)
  const mounts = await unmountAll(layout)
  const cgroups = await removeCgroup(layout.cgroup, clock)
  const hadRunDir = existsSync(layout.runDir)
  await removeRunDir(layout)
  if (!hadFiles && !hadRunDir && processes + mounts + cgroups === 0) return undefined
  const files = await removeFiles(layout, state?.madeDir ?? false)
  checkNothingLeft(layout)
  return { processes, mounts, cgroups, files }
}

/** The network namespaces; and, after a half-done start, anything in the lab's folder. */
async function unmountAll(layout: Layout): Promise<number> {
  const points = [...listMounts(layout.runDir), ...listMounts(layout.dir).filter(point => point !== layout.dir)]
  for (const point of points) await run(['umount', '--lazy', point])
  return points.length
}

async function removeRunDir(layout: Layout): Promise<void> {
  await rm(layout.runDir, { recursive: true, force: true })
  if (existsSync(runRoot) && (await readdir(runRoot)).length === 0) await rmdir(runRoot)
}

async function removeFiles(layout: Layout, madeDir: boolean): Promise<number> {
  if (!existsSync(layout.dir)) return 0
  // The state goes last: as long as it is there, a `down` that was interrupted can be repeated.
  const names = (await readdir(layout.dir)).filter(name => ours.test(name))
  const isState = (name: string): number => (name.startsWith('state') ? 1 : 0)
  for (const name of names.sort((a, b) => isState(a) - isState(b)))
    await rm(join(layout.dir, name), { recursive: true, force: true })
  if (madeDir && (await readdir(layout.dir)).length === 0) await rmdir(layout.dir)
  return names.length
}

function checkNothingLeft(layout: Layout): void {
  const left = [
    ...listProcesses(layout.cgroup).map(pid => `process ${pid}`),
    ...listMounts(layout.runDir).map(point => `mount ${point}`),
    ...[layout.runDir, layout.stateFile].filter(existsSync),
  ]
  if (left.length === 0) return
  throw new CodedError('InternalError', `cannot end the lab in ${layout.dir}: because this is left: ${left.join(', ')}`)
}
