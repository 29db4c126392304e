/** What a pod has on the board beside its sandbox: a directory by its uid, one for its logs, a cgroup, files in memory. */
import { readdir, rm } from 'node:fs/promises'
import { makeDirectory } from '../../kit/directory.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Volumes } from '../volumes/volumes.ts'
import { type BoardPaths, podCgroup } from './container-config.ts'

interface Board {
  runtime: Pick<Runtime, 'removePodCgroup'>
  volumes: Pick<Volumes, 'remove' | 'list'>
  paths: BoardPaths
}

/** The directory by uid comes first and goes last: as long as it is there, somebody will come back for the rest. */
export async function makePodFiles(paths: BoardPaths, pod: { uid: string; logDirectory: string }): Promise<void> {
  await makeDirectory(directoryOf(paths, pod.uid))
  await makeDirectory(pod.logDirectory)
}

export function directoryOf({ podFiles }: BoardPaths, uid: string): string {
  return `${podFiles}/${uid}`
}

/** Uids of the pods that have left something, those of an agent before this one included. */
export async function listPodFiles({ paths, volumes }: Pick<Board, 'paths' | 'volumes'>): Promise<string[]> {
  return [...new Set([...(await namesIn(paths.podFiles)), ...(await volumes.list())])]
}

/** Removes every trace of a pod whose last sandbox is gone. Log directories end in the uid (`<namespace>_<name>_<uid>`), and others' lie beside ours. */
export async function removePodFiles({ runtime, volumes, paths }: Board, uid: string): Promise<void> {
  await runtime.removePodCgroup(podCgroup(paths.cgroupParent, uid))
  await volumes.remove(uid)
  const logs = (await namesIn(paths.podLogs)).filter(name => name.endsWith(`_${uid}`))
  for (const name of logs) await rm(`${paths.podLogs}/${name}`, { recursive: true, force: true })
  await rm(directoryOf(paths, uid), { recursive: true, force: true })
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    // Before the first pod there is none.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
