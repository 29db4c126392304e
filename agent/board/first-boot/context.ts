/** What the steps of the first start are given, and what one of them is. */
import type { CardSettings } from '../../../contract/card/card-settings.ts'
import type { JoinTicket } from '../../../contract/wire/join.ts'
import type { BoardProfile, RenderedFile } from '../../../firmware-config/profile.ts'
import type { Clock } from '../../../kit/clock.ts'
import type { Disk } from '../disk.ts'
import type { RunProgram } from '../run-program.ts'
import type { Card } from './card.ts'
import type { Problem } from './problem.ts'

export interface BootContext {
  disk: Disk
  run: RunProgram
  clock: Clock
  card: Card
  settings: CardSettings
  profile: BoardProfile
  /** Nobody else sets anything here. Elsewhere cloud-init or the image's own first start has named the host and set its network. */
  isOwnImage: boolean
  render: Renderers
  joining: Joining
  ownAddresses: () => string[]
  signal: AbortSignal
  /** A line for the person who waits. */
  say: (line: string) => void
  /** What keeps a step waiting that does not fail for it. */
  tell: (problem: Problem) => Promise<void>
}

/** Of firmware-config. */
export interface Renderers {
  network(settings: CardSettings): RenderedFile[]
  /** Of a machine that its owner may use for other things as well. */
  boardFiles(profile: BoardProfile): RenderedFile[]
}

/** The cluster, as far as the first start has to do with it. */
export interface Joining {
  /** Resolves when this board is the node; at once when it is already. Rejects as `joinCluster`. */
  join(ticket: JoinTicket, nodeName: string): Promise<void>
  /** The node that this board is, if it has joined. */
  joinedAs(): Promise<string | undefined>
  /** A line of the master on this very board. */
  ownTicket(nodeName: string): Promise<JoinTicket>
}

export interface Step {
  /** Never changed once released: boards remember it. */
  name: string
  /** What people read while it is done. */
  title: string
  appliesTo?: (context: BootContext) => boolean
  /** May be begun again after it was cut anywhere, and done twice. */
  run(context: BootContext): Promise<void>
}
