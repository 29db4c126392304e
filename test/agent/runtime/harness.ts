/** One board with a containerd, a registry and a runtime for all tests of a file. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext, TestFn } from 'ava'
import { connectContainerd } from '../../../agent/runtime/containerd-runtime.ts'
import type { Runtime, SandboxConfig } from '../../../agent/runtime/runtime.ts'
import { systemClock } from '../../../kit/clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { boardImage, canStartBoard, startBoard, type TestBoard } from '../../support/board.ts'
import type { RuntimeHarness } from './runtime-contract.ts'

export interface BoardHarness extends RuntimeHarness {
  board: TestBoard
}

const registryAddress = '127.0.0.1:5000'

/** Starts at the first call, and ends after the last test of the file. Undefined where there can be no board. */
export function useBoard(test: TestFn, name: string): (t: ExecutionContext) => Promise<BoardHarness | undefined> {
  const state: { starting?: Promise<BoardHarness> } = {}
  test.after.always(async () => {
    const harness = await state.starting?.catch(() => undefined) // a failed start has cleaned up after itself
    await harness?.runtime.close()
    await harness?.board.stop()
  })
  return async t => {
    if (!canStartBoard(t)) return undefined
    state.starting ??= startHarness(name)
    return state.starting
  }
}

export function connectTo(board: TestBoard, options: { cluster?: string; pullTimeoutMs?: number } = {}): Runtime {
  return connectContainerd({
    ...{ socketPath: board.socketPath, clock: systemClock, log: silentLog, cluster: 'home' },
    execDirectory: join(board.directory, 'exec'),
    ...options,
  })
}

/** Starts a Node script on the board; resolves when it has said its first word. */
export async function startScript(board: TestBoard, argv: string[]): Promise<void> {
  const script = board.spawn([process.execPath, ...argv])
  await new Promise((resolve, reject) => {
    script.stdout?.once('data', resolve)
    script.once('exit', code => reject(new Error(`${argv[0]} ended with ${code}`)))
  })
}

/** The controllers' trees (or the one tree of version 2) that have a cgroup at `path`. */
export function cgroupTrees(path: string): string[] {
  const root = '/sys/fs/cgroup'
  return ['', ...readdirSync(root)].filter(tree => existsSync(join(root, tree, path)))
}

async function startHarness(name: string): Promise<BoardHarness> {
  const board = await startBoard(name)
  const pullable = `${registryAddress}/pulled:1`
  try {
    const registry = join(import.meta.dirname, '../../support/registry.ts')
    await startScript(board, [registry, registryAddress, `${board.directory}/pause.tar=${pullable}`])
  } catch (error) {
    await board.stop()
    throw error
  }
  return {
    ...{ board, runtime: connectTo(board), image: boardImage },
    ...{ pullable, unknown: `${registryAddress}/unknown:1` },
    sandbox: pod => sandboxOn(board, pod),
  }
}

export function sandboxOn(board: TestBoard, name: string): SandboxConfig {
  return {
    ...{ namespace: 'default', name, uid: `uid-${name}`, attempt: 0, hostname: name, hostNetwork: false },
    logDirectory: join(board.directory, 'logs', name),
    cgroupParent: `${board.cgroupParent}/pod-${name}`,
    labels: { app: name },
    annotations: { note: 'kept' },
  }
}
