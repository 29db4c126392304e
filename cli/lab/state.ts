/** The little that a lab must remember because it cannot be seen: how it was asked for. */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { type Layout, labLayout } from './layout.ts'

export interface Relay {
  lanPort: number
  host: string
  port: number
}

export interface LabState {
  boards: number
  /** What to run for `flotilla`. */
  program: string[]
  /** As containerd on a board reaches it. */
  mirror?: string
  /** Set when connections to the mirror are carried to this machine. */
  relay?: Relay
  /** Absent: the one in the master. */
  broker?: 'mosquitto'
  /** Quantities, as the user wrote them. */
  cpu?: string
  memory?: string
  /** True when the folder was not there before: then `down` removes it. */
  madeDir: boolean
}

export interface Lab {
  layout: Layout
  state: LabState
}

/** Undefined when there is no lab in that folder. */
export async function readState(layout: Layout): Promise<LabState | undefined> {
  try {
    return JSON.parse(await readFile(layout.stateFile, 'utf8')) as LabState
  } catch (error) {
    if (isMissing(error)) return undefined
    const why = `${messageOf(error)}; 'flotilla lab down --dir ${layout.dir}' clears it away`
    throw new CodedError('Invalid', `cannot read ${layout.stateFile}: because ${why}`, { cause: error })
  }
}

export async function writeState({ layout, state }: Lab): Promise<void> {
  await writeFile(`${layout.stateFile}.part`, `${JSON.stringify(state, null, 2)}\n`)
  await rename(`${layout.stateFile}.part`, layout.stateFile)
}

/** The lab that a command is about. Rejects when there is none. */
export async function openLab(dir: string): Promise<Lab> {
  const layout = labLayout(dir)
  const state = await readState(layout)
  if (state) return { layout, state }
  throw new CodedError(
    'NotFound',
    `cannot find a lab in ${layout.dir}: because none was started there; see 'flotilla lab up'`,
  )
}

/** Makes the folder of a new lab. Rejects when it holds somebody's files. Resolves to whether it was made just now. */
export async function claimDir(layout: Layout): Promise<boolean> {
  const made = await mkdir(layout.dir, { recursive: true, mode: 0o755 })
  const [other] = await readdir(layout.dir)
  if (other === undefined) return made !== undefined
  const why = `it holds other files (such as ${other}); name an empty one with --dir`
  throw new CodedError('Conflict', `cannot make a lab in ${layout.dir}: because ${why}`)
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
